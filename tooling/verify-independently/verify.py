#!/usr/bin/env python3
"""Checks a Hansard export with Python's standard library alone.

This is a second implementation of what `hansard verify <folder>` does, written from docs/specification.md and sharing no
code with it: if both agree, the export is sound or both are wrong in the same way.

    python3 verify.py FOLDER [--head HASH]

Exit code 0: sound, as far as the export goes; what it does not hold by its own word is printed. 1: problems, one a line.
With --serve it reads folders (and heads, after a tab) from the standard input and answers each with one JSON line,
{"problems": [...], "announcements": [...]}, so that many exports can be checked quickly.
"""
import email.header
import email.parser
import email.utils
import hashlib
import json
import os
import re
import sys

ENTRY_FIELDS = {"seq": int, "kind": str, "at": int, "body": (str, type(None)), "bodyHash": str, "hash": str}
MESSAGE_FIELDS = {
    "messageId": str, "messageClass": str, "date": str, "sha256": str, "size": int, "file": str, "copies": list,
}
MANIFEST_FIELDS = {"format", "installation", "destination", "query", "head", "messages", "files"}
LISTED_FILES = ["messages.jsonl", "journal.jsonl"]
ON_DELIVERY = ("intent", "settlement", "withdrawal")
DIGEST = re.compile("[0-9a-f]{64}")
LONGEST_HEADER = 16 << 20


def verify(folder, anchored_head=None):
    """Returns the list of problems, empty when the export is sound, and what it does not hold by its own word."""
    problems = []
    try:
        manifest = read_manifest(folder, problems)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return ["the manifest cannot be read: %s" % error], []
    guarded(problems, "the list of files", check_listed_files, folder, manifest, problems)
    journal = Journal(manifest, problems)
    for entry in lines(folder, "journal.jsonl", ENTRY_FIELDS, problems):
        guarded(problems, "a journal entry", journal.entry, entry)
    journal.end(anchored_head)
    files, count, previous = set(LISTED_FILES + ["manifest.json", "manifest.sha256"]), 0, None
    for message in lines(folder, "messages.jsonl", MESSAGE_FIELDS, problems):
        count += 1
        guarded(problems, "a message", check_message, folder, message, previous, files, journal, problems)
        previous = message
    if count != manifest["messages"]:
        problems.append("the manifest announces %s messages, %d are listed" % (manifest["messages"], count))
    guarded(problems, "what the journal tells", journal.finish)
    for path in sorted(files_in(folder) - files):
        problems.append("%s is not part of the export" % path)
    return problems, journal.announcements(count)


def read_manifest(folder, problems):
    with open(os.path.join(folder, "manifest.json"), "rb") as file:
        raw = file.read()
    with open(os.path.join(folder, "manifest.sha256"), "rb") as file:
        if file.read() != hashlib.sha256(raw).hexdigest().encode() + b"\n":
            problems.append("manifest.json is not what manifest.sha256 says")
    manifest = json.loads(raw.decode("utf-8"))
    if json.dumps(manifest, ensure_ascii=False, indent=2) + "\n" != raw.decode("utf-8"):
        problems.append("manifest.json is not written as an export writes it")
    if manifest["format"] != "hansard-export/1":
        raise ValueError("unknown format %r" % manifest["format"])
    for name, kind in (("installation", str), ("destination", str), ("messages", int), ("files", list), ("head", dict)):
        if not isinstance(manifest[name], kind) or isinstance(manifest[name], bool):
            raise ValueError("%s is not a %s" % (name, kind.__name__))
    if set(manifest) != MANIFEST_FIELDS:
        raise ValueError("its fields are %s" % ", ".join(sorted(manifest)))
    if manifest["query"] is not None and not isinstance(manifest["query"], str):
        raise ValueError("query is neither text nor null")
    if set(manifest["head"]) != {"seq", "hash"}:
        raise ValueError("head has the fields %s" % ", ".join(sorted(manifest["head"])))
    return manifest


def check_listed_files(folder, manifest, problems):
    if [file["path"] for file in manifest["files"]] != LISTED_FILES:
        problems.append("the manifest does not list %s and nothing else, in this order" % " and ".join(LISTED_FILES))
    for file in manifest["files"]:
        if set(file) != {"path", "sha256", "size"}:
            problems.append("%s is listed with the fields %s" % (file["path"], ", ".join(sorted(file))))
        check_file(folder, file["path"], file["sha256"], file["size"], problems)


def check_file(folder, path, sha256, size, problems):
    """Whether a file is there as it was exported."""
    full = os.path.join(folder, *path.split("/"))
    if ".." in path.split("/") or os.path.islink(full) or not os.path.isfile(full):
        problems.append("%s is missing" % path)
        return False
    digest, length = hashlib.sha256(), 0
    with open(full, "rb") as file:
        while True:
            chunk = file.read(1 << 20)
            if not chunk:
                break
            digest.update(chunk)
            length += len(chunk)
    if length != size or digest.hexdigest() != sha256:
        problems.append("%s is not what was exported" % path)
        return False
    return True


def lines(folder, path, fields, problems):
    try:
        with open(os.path.join(folder, path), "rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    text = line.decode("utf-8")
                    value = json.loads(text)
                    # A field that is said twice would be read in two ways.
                    if json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n" != text:
                        problems.append("%s, line %d is not written as an export writes it" % (path, number))
                    if set(value) != set(fields):
                        raise ValueError("its fields are %s" % ", ".join(sorted(value)))
                    for name, kind in fields.items():
                        if not isinstance(value[name], kind) or isinstance(value[name], bool):
                            raise ValueError("%s is %r" % (name, value[name]))
                except (ValueError, TypeError) as error:
                    problems.append("%s, line %d cannot be read: %s" % (path, number, error))
                    continue
                yield value
    except OSError as error:
        problems.append("%s cannot be read: %s" % (path, error))


def guarded(problems, what, work, *arguments):
    try:
        work(*arguments)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        problems.append("%s cannot be understood: %r" % (what, error))


def check_message(folder, message, previous, files, journal, problems):
    name, path = message["messageId"], message["file"]
    if previous is not None and (previous["date"], previous["messageId"]) >= (message["date"], name):
        problems.append("%s is not in its place: the list is by date, and of one second by Message-ID" % name)
    digits = hashlib.sha256(name.encode("utf-8")).hexdigest()[:40]
    if path != "messages/%s/%s.eml" % (digits[:2], digits):
        problems.append("%s is not the file of %s" % (path, name))
    files.add(path)
    if check_file(folder, path, message["sha256"], message["size"], problems):
        check_fields(os.path.join(folder, *path.split("/")), message, problems)
    journal.message(message)


def check_fields(path, message, problems):
    """What the list says of a mail must be what the mail says itself."""
    with open(path, "rb") as file:
        header = b""
        for line in file:
            header += line
            if line == b"\r\n" or len(header) > LONGEST_HEADER:
                break
    mail = email.parser.BytesHeaderParser().parsebytes(header)
    dates, classes = mail.get_all("Date", []), mail.get_all("X-Hansard-Message-Class", [])
    date = email.utils.parsedate_to_datetime(dates[0]) if len(dates) == 1 else None
    if date is None or date.utcoffset() or date.strftime("%Y-%m-%dT%H:%M:%SZ") != message["date"]:
        problems.append("%s is listed with the date %s and says %s" % (message["messageId"], message["date"], dates))
    unfolded = [value.replace("\r", "").replace("\n", "") for value in classes]
    said = [str(email.header.make_header(email.header.decode_header(value))) for value in unfolded]
    # A field cannot hold DEL: its picture stands for it.
    if said != [message["messageClass"].replace("\x7f", "\u2421")]:
        problems.append("%s is listed with the class %s and says %s" % (message["messageId"], message["messageClass"], said))


def files_in(folder):
    found = set()
    for directory, _, names in os.walk(folder):
        for name in names:
            found.add(os.path.relpath(os.path.join(directory, name), folder).replace(os.sep, "/"))
    return found


def folder_name(folder):
    if folder["kind"] == "purges":
        return "Recoverable Items/Purges"
    return "Inbox" if folder["kind"] == "inbox" else "/".join(folder["path"])


class Journal:
    """Follows the chain and collects what the journal says was delivered, and where it is."""

    def __init__(self, manifest, problems):
        self.manifest, self.problems = manifest, problems
        self.partial = manifest["query"] is not None
        self.previous = hashlib.sha256(manifest["installation"].encode("utf-8")).digest()
        self.count, self.hashes, self.last = 0, set(), None
        self.messages, self.intents, self.destinations, self.to_prove = {}, {}, set(), []
        self.bodies = {"page": [0, 0], "delivery": [0, 0]}

    def entry(self, entry):
        self.count += 1
        seq, kind, body = entry["seq"], entry["kind"], entry["body"]
        if seq != self.count:
            self.problems.append("entry %d is missing: entry %s stands in its place" % (self.count, seq))
        if not DIGEST.fullmatch(entry["bodyHash"]):
            self.problems.append("the hash of the body of entry %s is not one" % seq)
        header = ("%d\n%s\n%d\n" % (seq, kind, entry["at"])).encode("utf-8")
        computed = hashlib.sha256(self.previous + header + bytes.fromhex(entry["bodyHash"])).hexdigest()
        if computed != entry["hash"]:
            self.problems.append("entry %s does not follow from the entry before it" % seq)
        if body is not None and hashlib.sha256(body.encode("utf-8")).hexdigest() != entry["bodyHash"]:
            self.problems.append("the body of entry %s is not what was written" % seq)
        self.previous, self.last = bytes.fromhex(entry["hash"]), entry["hash"]
        self.hashes.add(entry["hash"])
        self.body(seq, kind, body)

    def body(self, seq, kind, body):
        counted = self.bodies.get("delivery" if kind in ON_DELIVERY else kind, [0, 0])
        counted[0] += 1
        if body is None:
            counted[1] += 1
            if not self.partial and kind != "page":
                self.problems.append("the body of entry %s is missing" % seq)
            return
        told = body.split("\n")
        if self.partial:
            self.to_prove.append((seq, kind, told if kind == "withdrawal" else told[:1]))
        if kind == "intent":
            self.intent(seq, told)
        if kind == "settlement":
            self.settlement(told)
        if kind == "withdrawal":
            self.withdrawal(told)

    def intent(self, seq, told):
        header = json.loads(told[0])
        self.destinations.add(header["destination"])
        if header["destination"] != self.manifest["destination"]:
            return
        self.intents[seq] = [json.loads(line) for line in told[1:]]
        for message in self.intents[seq]:
            message["targets"] = header["targets"][message["targets"]]
            self.messages.setdefault(message["messageId"], {
                "described": described(message), "copies": {}, "receipts": {}, "gone": set(), "exported": False,
            })

    def settlement(self, told):
        header = json.loads(told[0])
        messages = self.intents.get(header["intent"])
        for line in told[1:] if messages is not None else []:
            index, target, what = json.loads(line)
            message = messages[index]
            to = message["targets"][target]
            if isinstance(what, str):
                self.accepted(message, to, (what, header.get("correlationId")))
            elif what["status"] in ("delivered", "redirected"):
                receipt = (what["receipt"]["itemId"], what["receipt"]["correlationId"])
                self.accepted(message, what["to"] if what["status"] == "redirected" else to, receipt)

    def accepted(self, message, to, receipt):
        """A mailbox holds a message once: what was accepted first is what there is."""
        known = self.messages[message["messageId"]]
        if not known["copies"]:
            known["described"] = described(message)
        known["copies"].setdefault(to["mailbox"], folder_name(to["folder"]))
        known["receipts"].setdefault(to["mailbox"], set()).add(receipt)

    def withdrawal(self, told):
        """Its receipt says which destination's copy it is: two may hold the same message for the same mailbox."""
        for copy in map(json.loads, told[1:]):
            known = self.messages.get(copy["messageId"])
            receipt = (copy["receipt"]["itemId"], copy["receipt"]["correlationId"])
            if known is not None and receipt in known["receipts"].get(copy["mailbox"], ()):
                known["gone"].add(copy["mailbox"])

    def end(self, anchored_head):
        head, destination = self.manifest["head"], self.manifest["destination"]
        if head.get("seq") != self.count or (self.count and head.get("hash") != self.last):
            self.problems.append("the journal does not end where the manifest says")
        if anchored_head is not None and anchored_head.lower() not in self.hashes:
            self.problems.append("the journal does not contain the anchored head")
        if self.destinations and destination not in self.destinations:
            self.problems.append("the journal knows no destination %s, but %s" % (destination, sorted(self.destinations)))

    def message(self, exported):
        name = exported["messageId"]
        known = self.messages.get(name)
        if known is None:
            self.problems.append("the journal knows no message %s" % name)
            return
        if known["exported"]:
            self.problems.append("the message %s is there twice" % name)
        known["exported"] = True
        if described(exported) != known["described"]:
            self.problems.append("%s is not the message that was delivered" % name)
        if not known["copies"]:
            self.problems.append("%s was not delivered" % name)
        if exported["copies"] != copies_of(known):
            self.problems.append("the copies of %s are %s, and listed as %s" % (name, copies_of(known), exported["copies"]))

    def finish(self):
        if not self.partial:
            for name, known in self.messages.items():
                if copies_of(known) and not known["exported"]:
                    self.problems.append("%s was delivered and is not in the export" % name)
        for seq, kind, told in self.to_prove:
            if not self.proves(seq, kind, told):
                self.problems.append("the body of entry %s proves none of the messages of a partial export" % seq)

    def proves(self, seq, kind, told):
        if kind == "settlement":
            return json.loads(told[0])["intent"] in self.intents
        if kind not in ON_DELIVERY:
            return False
        named = self.intents.get(seq, ()) if kind == "intent" else map(json.loads, told[1:])
        return any(self.messages.get(one["messageId"], {}).get("exported") for one in named)

    def announcements(self, count):
        if self.partial:
            named = sum(1 for known in self.messages.values() if known["copies"])
            entries, left_out = self.bodies["delivery"]
            return [
                "THIS IS A PARTIAL EXPORT: it holds %d of the %d messages that its journal names in what is shown of it, because"
                " it was asked for by the query %s. Of %d entries on deliveries %d are shown by their hashes alone, and may"
                " name more. Whether it holds all that the query finds,"
                " and whether entries that are not shown tell of other copies, cannot be checked offline."
                % (count, named, json.dumps(self.manifest["query"]), entries, left_out)
            ]
        pages, left_out = self.bodies["page"]
        if left_out == 0:
            return []
        return [
            "THE RAW EVENTS ARE NOT ALL THERE: the bodies of %d of %d pages are not in this export, as when their retention"
            " has ended. Their hashes hold the chain together; what they said cannot be checked." % (left_out, pages)
        ]


def described(message):
    return message["sha256"], message["size"], message["messageClass"]


def copies_of(known):
    """In the order in which they are listed."""
    there = sorted(set(known["copies"]) - known["gone"])
    return [{"mailbox": mailbox, "folder": known["copies"][mailbox]} for mailbox in there]


def serve():
    for line in sys.stdin:
        folder, _, head = line.rstrip("\n").partition("\t")
        problems, announcements = verify(folder, head or None)
        print(json.dumps({"problems": problems, "announcements": announcements}), flush=True)


def main(arguments):
    if arguments == ["--serve"]:
        serve()
        return 0
    head = None
    if "--head" in arguments:
        at = arguments.index("--head")
        head = arguments[at + 1]
        del arguments[at:at + 2]
    if len(arguments) != 1:
        print(__doc__)
        return 2
    problems, announcements = verify(arguments[0], head)
    for line in problems + announcements:
        print(line)
    if problems:
        print("NOT sound: %d problems" % len(problems))
    else:
        print("sound, as far as it goes: what is not here is said above" if announcements else "sound")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
