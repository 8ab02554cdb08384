/** An element with text, escaped. */
export function element(name: string, text: string): string {
  return `<${name}>${escape(text)}</${name}>`;
}

export function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\r", "&#13;");
}
