import { spawnSync } from "node:child_process";
import { simpleParser } from "mailparser";
import PostalMime from "postal-mime";

/** What three parsers that nobody here wrote make of a mail. */
export interface ParsedMail {
  subject: string;
  from: string;
  to: string[];
  text: string;
  attachments: string[];
}

const PYTHON = `
import sys, json
from email import message_from_binary_file, policy
mail = message_from_binary_file(sys.stdin.buffer, policy=policy.default)
body = mail.get_body(("plain",))
addresses = lambda name: [a.addr_spec for h in mail.get_all(name, []) for a in h.addresses]
print(json.dumps({"subject": mail["Subject"] or "", "from": addresses("From")[0], "to": addresses("To"),
  "text": body.get_content() if body else "", "attachments": sorted(p.get_filename() or "" for p in mail.walk() if p.get_filename())}))
`;

export async function parseThrice(
  mail: Buffer,
): Promise<{ mailparser: ParsedMail; postalMime: ParsedMail; python: ParsedMail }> {
  const [first, second] = [await simpleParser(mail), await PostalMime.parse(mail)];
  const python = spawnSync("python3", ["-c", PYTHON], { input: mail, encoding: "utf8" });
  if (python.status !== 0) throw new Error(`Python could not read the mail: ${python.stderr}`);
  const addresses = [first.to ?? []].flat().flatMap(({ value }) => value.map(({ address }) => address ?? ""));
  return {
    mailparser: {
      subject: first.subject ?? "",
      from: first.from?.value[0]?.address ?? "",
      to: addresses,
      text: (first.text ?? "").trim(),
      attachments: first.attachments.map(({ filename }) => filename ?? "").sort(),
    },
    postalMime: {
      subject: second.subject ?? "",
      from: second.from?.address ?? "",
      to: (second.to ?? []).map(({ address }) => address ?? ""),
      text: (second.text ?? "").trim(),
      attachments: second.attachments.map(({ filename }) => filename ?? "").sort(),
    },
    python: {
      ...(JSON.parse(python.stdout) as ParsedMail),
      text: (JSON.parse(python.stdout) as ParsedMail).text.replaceAll("\r\n", "\n").trim(),
    },
  };
}
