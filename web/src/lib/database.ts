// Conversations in the browser's IndexedDB, one record each. Where it is forbidden, opening fails and the page goes on without.
import type { Conversation } from "./types";

const kStore = "conversations";

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
}

export class Database {
  private constructor(private db: IDBDatabase) {}

  static async open(): Promise<Database> {
    const request = indexedDB.open("sobre", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(kStore, { keyPath: "id" });
    const db = await done(request);
    // A newer page in another tab may need to change the layout.
    db.onversionchange = () => db.close();
    return new Database(db);
  }

  private store(mode: IDBTransactionMode): IDBObjectStore {
    return this.db.transaction(kStore, mode).objectStore(kStore);
  }
  /// As stored: to be checked by who reads them.
  all(): Promise<unknown[]> {
    return done(this.store("readonly").getAll() as IDBRequest<unknown[]>);
  }
  get(id: string): Promise<unknown> {
    return done(this.store("readonly").get(id) as IDBRequest<unknown>);
  }
  put(conversation: Conversation): Promise<unknown> {
    return done(this.store("readwrite").put(conversation));
  }
  remove(id: string): Promise<unknown> {
    return done(this.store("readwrite").delete(id));
  }
}
