import { type SaxesTagPlain, SaxesParser } from "saxes";

const OPTIONS = { xmlns: false, position: false, defaultXMLVersion: "1.0", forceXMLVersion: true } as const;

export interface ParserHandlers {
  error(error: Error): void;
  doctype(): void;
  opentag(tag: SaxesTagPlain): void;
  text(text: string): void;
  cdata(text: string): void;
  processinginstruction(instruction: { target: string }): void;
  closetag(tag: SaxesTagPlain): void;
}

/**
 * The parser for evidence: in no version of XML does it forgive anything. All have the same handlers, set in the same
 * order, and no more than these: with one more the engine gives up on the parser's layout, and it runs at a quarter of
 * its speed.
 */
export function strictParser(handlers: ParserHandlers): SaxesParser<typeof OPTIONS> {
  const parser = new SaxesParser(OPTIONS);
  parser.on("error", handlers.error);
  parser.on("doctype", handlers.doctype);
  parser.on("opentag", handlers.opentag);
  parser.on("text", handlers.text);
  parser.on("cdata", handlers.cdata);
  parser.on("processinginstruction", handlers.processinginstruction);
  parser.on("closetag", handlers.closetag);
  return parser;
}
