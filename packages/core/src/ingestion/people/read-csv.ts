import { type ParsedFile, type PeopleFile, ROLE_NAMES, type Role, roleOf, toEntry } from "./people-entry.ts";

const MAX_LINE_CHARACTERS = 65_536;

interface Line {
  cells: string[];
  number: number;
}

/** Reads a people file of separated values: comma, semicolon or tab, whichever its header uses most. */
export async function readCsv({ path, text }: PeopleFile, defaultDomain?: string): Promise<ParsedFile> {
  const lines = await parseLines(text);
  if (typeof lines === "string") return { entries: [], problems: [`${path}:${lines}`] };
  const [header, ...body] = lines;
  if (!header)
    return { entries: [], problems: [`${path}: the file is empty. Its first line names the columns ${ROLE_NAMES}.`] };
  const roles = header.cells.map(roleOf);
  const fault = faultOf(header.cells, roles);
  if (fault !== undefined) return { entries: [], problems: [`${path}:${header.number}: ${fault}`] };

  const parsed: ParsedFile = { entries: [], problems: [] };
  for (const { cells, number } of body) {
    const place = `${path}:${number}`;
    if (cells.length !== roles.length) {
      parsed.problems.push(
        `${place}: the line has ${cells.length} columns, where the header has ${roles.length}. Quote values that hold the separator.`,
      );
      continue;
    }
    const entry = toEntry(place, valuesOf(cells, roles), defaultDomain);
    if (typeof entry === "string") parsed.problems.push(entry);
    else parsed.entries.push(entry);
  }
  return parsed;
}

async function parseLines(text: string): Promise<Line[] | string> {
  const { CsvError, parse } = await import("csv-parse/sync");
  const lines: Line[] = [];
  try {
    parse(text, {
      bom: true,
      delimiter: separatorOf(text),
      trim: true,
      skip_empty_lines: true,
      skip_records_with_empty_values: true,
      relax_column_count: true,
      max_record_size: MAX_LINE_CHARACTERS,
      on_record: (cells: string[], { lines: number }) => {
        lines.push({ cells, number });
        return null;
      },
    });
    return lines;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return `${"lines" in error ? String(error["lines"]) : "?"}: the line is not valid CSV (${error.code}). Look for a quotation mark that is not closed or not doubled.`;
  }
}

function separatorOf(text: string): string {
  const header =
    text
      .slice(0, MAX_LINE_CHARACTERS)
      .trimStart()
      .split(/[\r\n]/, 1)[0] ?? "";
  const counted = [",", ";", "\t"].map((separator) => ({ separator, count: header.split(separator).length }));
  return counted.reduce((most, each) => (each.count > most.count ? each : most)).separator;
}

function faultOf(header: string[], roles: (Role | undefined)[]): string | undefined {
  const twice = roles.find((role, index) => role !== undefined && roles.indexOf(role) !== index);
  const found = `The columns are ${header.map((name) => `"${name}"`).join(", ")}.`;
  if (twice !== undefined) return `two columns hold the ${twice}. ${found} Rename one of them.`;
  const hasMailbox = roles.includes("mailbox") || (roles.includes("id") && roles.includes("address"));
  const hasPerson = roles.includes("id") || roles.includes("address");
  if (hasMailbox && hasPerson) return undefined;
  return `the header names no column for ${hasMailbox ? "the person" : "the mailbox"}. ${found} Known are ${ROLE_NAMES}.`;
}

function valuesOf(cells: string[], roles: (Role | undefined)[]): Partial<Record<Role, string>> {
  return Object.fromEntries(cells.flatMap((cell, index) => (roles[index] === undefined ? [] : [[roles[index], cell]])));
}
