// Whether an answer has the form that was asked for, in words.
import { read_json } from "./setup";
import { check_schema } from "./schema_check";
import type { AnswerFormat } from "./types";

export interface Verdict {
  state: "fits" | "fails" | "unknown";
  text: string;
}

/// `finish`: why the answer ended. An answer that was cut off is not judged as whole.
export function judge(format: AnswerFormat, answer: string, finish: string | undefined): Verdict {
  if (finish === "length") return { state: "fails", text: "Cut off at the token limit: not complete" };
  if (finish === "stopped") return { state: "unknown", text: "Stopped before it was complete" };
  if (format.kind === "regex") {
    let pattern: RegExp;
    try {
      pattern = new RegExp(`^(?:${format.source})$`, "us");
    } catch {
      return { state: "unknown", text: "The browser cannot read this regular expression: not checked again" };
    }
    return pattern.test(answer)
      ? { state: "fits", text: "Matches the regular expression" }
      : { state: "fails", text: "Does not match the regular expression" };
  }
  const { value, fault } = read_json(answer);
  if (fault !== undefined) return { state: "fails", text: fault };
  if (format.kind === "json_object") {
    const is_object = typeof value === "object" && value !== null && !Array.isArray(value);
    return is_object ? { state: "fits", text: "Valid JSON object" } : { state: "fails", text: "Valid JSON, but no object" };
  }
  const schema = read_json(format.source);
  if (schema.fault !== undefined) return { state: "unknown", text: "The schema cannot be read: not checked again" };
  const verdict = check_schema(schema.value, value);
  if (verdict.fault !== undefined) return { state: "fails", text: `Does not match the schema: ${verdict.fault}` };
  if (verdict.unchecked.length > 0) return { state: "fits", text: `Matches the schema; not checked again here: ${verdict.unchecked.join(", ")}` };
  return { state: "fits", text: "Matches the schema" };
}
