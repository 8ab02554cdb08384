/** What a schema finds wrong with a setting, as the rest of a sentence that begins with the setting's path. */
export function issueInWords(message: string): string {
  const type = /^Invalid input: expected (.+), received (.+)$/.exec(message);
  if (type)
    return type[2] === "undefined" ? `is missing: ${type[1]} is expected.` : `must be ${type[1]}, not ${type[2]}.`;
  const unknown = /^Unrecognized keys?: (.+)$/.exec(message);
  if (unknown) return `has no setting ${unknown[1]}.`;
  const options = /^Invalid option: expected one of (.+)$/.exec(message);
  if (options) return `must be one of ${options[1]?.replaceAll("|", ", ")}.`;
  const sentence = /[.!?]$/.test(message) ? message : `${message}.`;
  return sentence.startsWith("must ") ? sentence : `is not valid: ${sentence}`;
}
