// The view of energy and cost: what is asked of the ledger, and its last answer. It is asked again each half minute while in sight.
import { ApiFailure, server_usage } from "./api";
import type { Problem } from "./types";
import { period, type By, type Metric, type Usage } from "./usage";

const kEveryMs = 30_000;

class Costs {
  by = $state<By>("day");
  metric = $state<Metric>("energy");
  days = $state<"7" | "30" | "90">("30");
  usage = $state.raw<Usage>();
  /// The period that `usage` is of.
  asked = $state.raw({ from: "", to: "" });
  problem = $state<Problem>();
  private latest = 0;

  /// Asks now; an answer that a later question has overtaken is dropped.
  async load() {
    const turn = ++this.latest;
    const asked = period(Number(this.days), Date.now());
    try {
      const usage = await server_usage(this.by, asked.from, asked.to);
      if (turn !== this.latest) return;
      this.usage = usage;
      this.asked = asked;
      this.problem = undefined;
    } catch (error) {
      if (turn !== this.latest || !(error instanceof ApiFailure)) return;
      this.problem = error.problem;
      if (error.problem.status === 404) this.usage = undefined;
    }
  }

  /// Keeps asking until the function returned is called.
  watch(): () => void {
    void this.load();
    const timer = setInterval(() => {
      if (!document.hidden) void this.load();
    }, kEveryMs);
    return () => clearInterval(timer);
  }
}

export const costs = new Costs();
