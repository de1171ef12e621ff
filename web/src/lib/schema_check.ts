// Whether a value fits a JSON Schema, for the verdict under an answer. The server enforces the schema; this looks again, on its
// own, at the keywords that it knows, and names the others. Pure.

export interface SchemaVerdict {
  fault?: string; // the first, with its place
  unchecked: string[]; // keywords that were passed over
}

type Schema = Record<string, unknown>;
const kMaxDepth = 64;
const kMaxSteps = 100_000;
// Keywords that describe and demand nothing.
const kSilent = new Set([
  "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$schema", "$id", "$comment", "$defs",
  "definitions", "$anchor", "then", "else", "contentEncoding", "contentMediaType", "format",
]);

function type_of(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value;
}
function is_schema_object(value: unknown): value is Schema {
  return type_of(value) === "object";
}
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (type_of(a) !== type_of(b)) return false;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((v, i) => same(v, b[i]));
  if (is_schema_object(a) && is_schema_object(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((k) => Object.hasOwn(b, k) && same(a[k], b[k]));
  }
  return false;
}
function as_list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

class Checker {
  readonly unchecked = new Set<string>();
  private steps = 0;
  constructor(private root: unknown) {}

  /// The fault of a value, or nothing.
  check(schema: unknown, value: unknown, at: string, depth = 0): string | undefined {
    if (schema === true) return undefined;
    if (schema === false) return `${at} is not allowed`;
    if (!is_schema_object(schema)) return undefined;
    if (depth > kMaxDepth || ++this.steps > kMaxSteps) {
      this.unchecked.add("(too deep)");
      return undefined;
    }
    for (const [keyword, argument] of Object.entries(schema)) {
      const fault = this.keyword(schema, keyword, argument, value, at, depth);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  private keyword(schema: Schema, keyword: string, argument: unknown, value: unknown, at: string, depth: number): string | undefined {
    switch (keyword) {
      case "$ref":
        return this.reference(argument, value, at, depth);
      case "type": {
        const wanted = Array.isArray(argument) ? argument : [argument];
        const actual = type_of(value);
        const fits = wanted.some((t) => t === actual || (t === "integer" && Number.isInteger(value)));
        return fits ? undefined : `${at} is ${actual}, not ${wanted.join(" or ")}`;
      }
      case "enum":
        return as_list(argument).some((v) => same(v, value)) ? undefined : `${at} is none of the values allowed`;
      case "const":
        return same(argument, value) ? undefined : `${at} is not ${JSON.stringify(argument)}`;
      case "allOf":
        return this.first(as_list(argument), value, at, depth);
      case "anyOf":
      case "oneOf": {
        const fitting = as_list(argument).filter((s) => this.check(s, value, at, depth + 1) === undefined).length;
        if (fitting === 0) return `${at} fits none of ${keyword}`;
        return keyword === "oneOf" && fitting > 1 ? `${at} fits ${fitting} of oneOf` : undefined;
      }
      case "not":
        return this.check(argument, value, at, depth + 1) === undefined ? `${at} fits what "not" rules out` : undefined;
      case "if":
        return this.check(this.check(argument, value, at, depth + 1) === undefined ? schema.then : schema.else, value, at, depth + 1);
    }
    if (typeof value === "number") return this.number(keyword, argument, value, at);
    if (typeof value === "string") return this.text(keyword, argument, value, at);
    if (Array.isArray(value)) return this.list(schema, keyword, argument, value, at, depth);
    if (is_schema_object(value)) return this.object(schema, keyword, argument, value, at, depth);
    return undefined;
  }

  private first(schemas: unknown[], value: unknown, at: string, depth: number): string | undefined {
    for (const schema of schemas) {
      const fault = this.check(schema, value, at, depth + 1);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  private reference(argument: unknown, value: unknown, at: string, depth: number): string | undefined {
    let target: unknown = this.root;
    if (typeof argument !== "string" || !/^#(\/|$)/.test(argument)) {
      this.unchecked.add("$ref");
      return undefined;
    }
    for (const part of decodeURIComponent(argument).split("/").slice(1)) {
      const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
      target = is_schema_object(target) && Object.hasOwn(target, key) ? target[key] : Array.isArray(target) ? target[Number(key)] : undefined;
    }
    if (target === undefined) {
      this.unchecked.add("$ref");
      return undefined;
    }
    return this.check(target, value, at, depth + 1);
  }

  private number(keyword: string, argument: unknown, value: number, at: string): string | undefined {
    const limit = Number(argument);
    switch (keyword) {
      case "minimum":
        return value < limit ? `${at} is below ${limit}` : undefined;
      case "maximum":
        return value > limit ? `${at} is above ${limit}` : undefined;
      case "exclusiveMinimum":
        return value <= limit ? `${at} is not above ${limit}` : undefined;
      case "exclusiveMaximum":
        return value >= limit ? `${at} is not below ${limit}` : undefined;
      case "multipleOf": {
        const ratio = value / limit;
        return Math.abs(ratio - Math.round(ratio)) > 1e-9 * Math.max(1, Math.abs(ratio)) ? `${at} is no multiple of ${limit}` : undefined;
      }
      default:
        return this.other(keyword);
    }
  }

  private text(keyword: string, argument: unknown, value: string, at: string): string | undefined {
    switch (keyword) {
      case "minLength":
        return [...value].length < Number(argument) ? `${at} is shorter than ${Number(argument)}` : undefined;
      case "maxLength":
        return [...value].length > Number(argument) ? `${at} is longer than ${Number(argument)}` : undefined;
      case "pattern":
        try {
          return new RegExp(String(argument), "u").test(value) ? undefined : `${at} does not match ${String(argument)}`;
        } catch {
          this.unchecked.add("pattern");
          return undefined;
        }
      default:
        return this.other(keyword);
    }
  }

  private list(schema: Schema, keyword: string, argument: unknown, value: unknown[], at: string, depth: number): string | undefined {
    const prefix = as_list(schema.prefixItems);
    switch (keyword) {
      case "minItems":
        return value.length < Number(argument) ? `${at} has fewer than ${Number(argument)} items` : undefined;
      case "maxItems":
        return value.length > Number(argument) ? `${at} has more than ${Number(argument)} items` : undefined;
      case "uniqueItems":
        return argument === true && value.some((v, i) => value.slice(0, i).some((w) => same(v, w))) ? `${at} has equal items` : undefined;
      case "prefixItems":
        return this.each(value.slice(0, prefix.length), (v, i) => this.check(prefix[i], v, `${at}[${i}]`, depth + 1));
      case "items":
        return this.each(value.slice(prefix.length), (v, i) => this.check(argument, v, `${at}[${i + prefix.length}]`, depth + 1));
      case "contains": {
        if (schema.minContains === 0) return undefined;
        return value.some((v) => this.check(argument, v, at, depth + 1) === undefined) ? undefined : `${at} has no item of "contains"`;
      }
      default:
        return this.other(keyword);
    }
  }

  private object(schema: Schema, keyword: string, argument: unknown, value: Schema, at: string, depth: number): string | undefined {
    const keys = Object.keys(value);
    switch (keyword) {
      case "required":
        return this.each(as_list(argument), (k) => (Object.hasOwn(value, String(k)) ? undefined : `${at} lacks ${String(k)}`));
      case "minProperties":
        return keys.length < Number(argument) ? `${at} has fewer than ${Number(argument)} members` : undefined;
      case "maxProperties":
        return keys.length > Number(argument) ? `${at} has more than ${Number(argument)} members` : undefined;
      case "propertyNames":
        return this.each(keys, (k) => this.check(argument, k, `the name ${k}`, depth + 1));
      case "properties": {
        if (!is_schema_object(argument)) return undefined;
        return this.each(keys, (k) => (Object.hasOwn(argument, k) ? this.check(argument[k], value[k], `${at}.${k}`, depth + 1) : undefined));
      }
      case "additionalProperties": {
        if (schema.patternProperties !== undefined) {
          this.unchecked.add(keyword);
          return undefined;
        }
        const named = is_schema_object(schema.properties) ? schema.properties : {};
        const others = keys.filter((k) => !Object.hasOwn(named, k));
        return this.each(others, (k) => this.check(argument, value[k], `${at}.${k}`, depth + 1));
      }
      default:
        return this.other(keyword);
    }
  }

  private each<T>(values: T[], check: (value: T, i: number) => string | undefined): string | undefined {
    for (const [i, value] of values.entries()) {
      const fault = check(value, i);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  /// A keyword of another type demands nothing of this value; one that is not known here is named.
  private other(keyword: string): undefined {
    if (!kSilent.has(keyword) && !kKnown.has(keyword)) this.unchecked.add(keyword);
    return undefined;
  }
}

const kKnown = new Set([
  "$ref", "type", "enum", "const", "allOf", "anyOf", "oneOf", "not", "if", "minimum", "maximum", "exclusiveMinimum",
  "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "prefixItems",
  "items", "contains", "minContains", "required", "minProperties", "maxProperties", "propertyNames", "properties",
  "additionalProperties",
]);

export function check_schema(schema: unknown, value: unknown): SchemaVerdict {
  const checker = new Checker(schema);
  const fault = checker.check(schema, value, "the answer");
  return { fault, unchecked: [...checker.unchecked] };
}
