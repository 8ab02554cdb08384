import shortcodes from "emojibase-data/en/shortcodes/iamcal.json" with { type: "json" };

/** Slack's tones run from 2 to 6, as Fitzpatrick's types do; Unicode has a modifier for each. */
const SKIN_TONES: Record<string, number> = { "2": 0x1f3fb, "3": 0x1f3fc, "4": 0x1f3fd, "5": 0x1f3fe, "6": 0x1f3ff };
const VARIATION_SELECTOR = 0xfe0f;

let table: Map<string, number[]> | undefined;

/** The emoji that Slack shows for a name such as `wave` or `wave::skin-tone-3`; undefined for a workspace's own. */
export function emojiNamed(name: string): string | undefined {
  table ??= readTable();
  const [base = "", tone = ""] = name.split("::skin-tone-");
  const points = table.get(base);
  if (!points) return undefined;
  const modifier = SKIN_TONES[tone];
  if (modifier === undefined) return String.fromCodePoint(...points);
  const [first = 0, ...rest] = points;
  return String.fromCodePoint(first, modifier, ...(rest[0] === VARIATION_SELECTOR ? rest.slice(1) : rest));
}

/** An emoji by its name, or the name between colons, as Slack writes it. */
export function showEmoji(name: string): string {
  return emojiNamed(name) ?? `:${name}:`;
}

function readTable(): Map<string, number[]> {
  const names = new Map<string, number[]>();
  for (const [code, shortcode] of Object.entries(shortcodes)) {
    const points = code.split("-").map((point) => Number.parseInt(point, 16));
    // A heart or a sun alone is a black sign of text unless the selector makes it an emoji.
    if (points.length === 1 && !/\p{Emoji_Presentation}/u.test(String.fromCodePoint(...points)))
      points.push(VARIATION_SELECTOR);
    for (const name of Array.isArray(shortcode) ? shortcode : [shortcode]) names.set(name, points);
  }
  // The name under which Slack keeps an emoji that its users typed as `:)` years ago.
  const smile = names.get("slightly_smiling_face");
  if (smile) names.set("simple_smile", smile);
  return names;
}
