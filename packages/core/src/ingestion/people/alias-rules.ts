import { SettingsError } from "../../errors.ts";
import { normalizeAddress } from "./address.ts";

/** Turns addresses into mailboxes: `{from: "*@old.example", to: "*@new.example"}`. One `*` stands for what stays. */
export interface AliasRule {
  from: string;
  to: string;
}

/** Gives the mailbox of an address and the number of the rule, from 1; undefined where none applies. */
export type FindAlias = (address: string) => { mailbox: string; number: number } | undefined;

interface Pattern {
  before: string;
  /** Absent where the pattern is a whole address. */
  after: string | undefined;
}

/** Compiles alias rules. They are tried in their order; the first that applies counts. Matching takes linear time. */
export function compileAliases(rules: AliasRule[]): FindAlias {
  const compiled = rules.map((rule, index) => compile(rule, index + 1));

  return (address) => {
    for (const { number, from, to } of compiled) {
      const kept = match(from, address);
      if (kept === undefined) continue;
      const mailbox = normalizeAddress(to.after === undefined ? to.before : to.before + kept + to.after);
      if (mailbox !== undefined) return { mailbox, number };
    }
    return undefined;
  };
}

function compile(rule: AliasRule, number: number): { number: number; from: Pattern; to: Pattern } {
  const from = toPattern(rule.from);
  const to = toPattern(rule.to);
  const isSound = from && to && (from.after !== undefined || to.after === undefined);
  if (isSound) return { number, from, to };
  throw new SettingsError(`Alias ${number}, from "${rule.from}" to "${rule.to}", is not a rule for addresses.`, {
    remedy:
      'Write addresses with at most one "*" in each, and none in "to" alone, such as from "*@old.example" to "*@new.example".',
  });
}

function toPattern(text: string): Pattern | undefined {
  // A letter in place of the star makes a whole address, whose normal form is the pattern's.
  const star = text.indexOf("*");
  const stand = "wildcard0";
  const normalized = normalizeAddress(text.replace("*", stand));
  if (normalized === undefined || normalized.includes("*") || (star !== -1 && text.toLowerCase().includes(stand)))
    return undefined;
  if (star === -1) return { before: normalized, after: undefined };
  const [before = "", after = ""] = normalized.split(stand);
  return { before, after };
}

function match({ before, after }: Pattern, address: string): string | undefined {
  if (after === undefined) return address === before ? "" : undefined;
  if (address.length <= before.length + after.length || !address.startsWith(before) || !address.endsWith(after))
    return undefined;
  return address.slice(before.length, address.length - after.length);
}
