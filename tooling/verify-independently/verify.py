#!/usr/bin/env python3
"""Checks a Hansard export with Python's standard library alone.

This is a second implementation of what `hansard verify <folder>` does, written from docs/specification.md and sharing no
code with it: if both agree, the export is sound or both are wrong in the same way.

    python3 verify.py FOLDER [--head HASH]

Exit code 0: sound. 1: problems, one a line. With --serve it reads folders (and heads, after a tab) from the standard
input and answers each with one JSON line, so that many exports can be checked quickly.
"""
import hashlib
import json
import os
import sys

ENTRY_FIELDS = {"seq", "kind", "at", "body", "bodyHash", "hash"}
MESSAGE_FIELDS = {"messageId", "messageClass", "date", "sha256", "size", "file", "copies"}


def verify(folder, anchored_head=None):
    """Returns the list of problems; empty when the export is sound."""
    problems = []
    try:
        manifest = read_manifest(folder, problems)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return ["the manifest cannot be read: %s" % error]
    listed = check_listed_files(folder, manifest, problems)
    journal = Journal(manifest, problems)
    for entry in lines(folder, "journal.jsonl", ENTRY_FIELDS, problems):
        guarded(problems, "a journal entry", journal.entry, entry)
    journal.end(anchored_head)
    count = 0
    for message in lines(folder, "messages.jsonl", MESSAGE_FIELDS, problems):
        count += 1
        guarded(problems, "a message", check_message, folder, message, listed, journal, problems)
    if count != manifest["messages"]:
        problems.append("the manifest announces %s messages, %d are listed" % (manifest["messages"], count))
    journal.missing()
    for path in sorted(files_in(folder) - listed):
        problems.append("%s is not part of the export" % path)
    return problems


def read_manifest(folder, problems):
    with open(os.path.join(folder, "manifest.json"), "rb") as file:
        raw = file.read()
    with open(os.path.join(folder, "manifest.sha256"), "rb") as file:
        if file.read() != hashlib.sha256(raw).hexdigest().encode() + b"\n":
            problems.append("manifest.json is not what manifest.sha256 says")
    manifest = json.loads(raw.decode("utf-8"))
    if manifest["format"] != "hansard-export/1":
        raise ValueError("unknown format %r" % manifest["format"])
    for name, kind in (("installation", str), ("destination", str), ("messages", int), ("files", list), ("head", dict)):
        if not isinstance(manifest[name], kind):
            raise ValueError("%s is not a %s" % (name, kind.__name__))
    manifest["query"]
    return manifest


def check_listed_files(folder, manifest, problems):
    listed = {"manifest.json", "manifest.sha256"}
    for required in ("journal.jsonl", "messages.jsonl"):
        if sum(1 for file in manifest["files"] if file["path"] == required) != 1:
            problems.append("the manifest does not list %s once" % required)
    for file in manifest["files"]:
        check_file(folder, file["path"], file["sha256"], file["size"], problems)
        listed.add(file["path"])
    return listed


def check_file(folder, path, sha256, size, problems):
    full = os.path.join(folder, *path.split("/"))
    if ".." in path.split("/") or os.path.islink(full) or not os.path.isfile(full):
        problems.append("%s is missing" % path)
        return
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


def lines(folder, path, fields, problems):
    try:
        with open(os.path.join(folder, path), "rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    value = json.loads(line.decode("utf-8"))
                    if set(value) != fields:
                        raise ValueError("its fields are %s" % ", ".join(sorted(value)))
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


def check_message(folder, message, listed, journal, problems):
    if message["file"] in listed:
        problems.append("%s is listed twice" % message["file"])
    listed.add(message["file"])
    check_file(folder, message["file"], message["sha256"], message["size"], problems)
    journal.message(message)


def files_in(folder):
    found = set()
    for directory, _, names in os.walk(folder):
        for name in names:
            found.add(os.path.relpath(os.path.join(directory, name), folder).replace(os.sep, "/"))
    return found


class Journal:
    """Follows the chain and collects what the journal says was delivered."""

    def __init__(self, manifest, problems):
        self.manifest, self.problems = manifest, problems
        self.previous = hashlib.sha256(manifest["installation"].encode("utf-8")).digest()
        self.count, self.hashes, self.messages, self.intents = 0, [], {}, {}

    def entry(self, entry):
        self.count += 1
        seq, kind, body = entry["seq"], entry["kind"], entry["body"]
        if seq != self.count:
            self.problems.append("entry %d is missing: entry %s stands in its place" % (self.count, seq))
        header = ("%d\n%s\n%d\n" % (seq, kind, entry["at"])).encode("utf-8")
        computed = hashlib.sha256(self.previous + header + bytes.fromhex(entry["bodyHash"])).hexdigest()
        if computed != entry["hash"]:
            self.problems.append("entry %s does not follow from the entry before it" % seq)
        if body is not None and hashlib.sha256(body.encode("utf-8")).hexdigest() != entry["bodyHash"]:
            self.problems.append("the body of entry %s is not what was written" % seq)
        if body is None and self.manifest["query"] is None and kind != "page":
            self.problems.append("the body of entry %s is missing" % seq)
        self.previous = bytes.fromhex(entry["hash"])
        self.hashes.append(entry["hash"])
        if body is not None and kind == "intent":
            self.intent(seq, body.split("\n"))
        if body is not None and kind == "settlement":
            self.settlement(body.split("\n"))

    def intent(self, seq, body):
        header = json.loads(body[0])
        if header["destination"] != self.manifest["destination"]:
            return
        self.intents[seq] = [json.loads(line) for line in body[1:]]
        for message in self.intents[seq]:
            message["targets"] = header["targets"][message["targets"]]
            self.messages.setdefault(message["messageId"], {
                "sha256": message["sha256"], "size": message["size"], "class": message["messageClass"].lower(),
                "mailboxes": set(), "exported": False,
            })

    def settlement(self, body):
        messages = self.intents.get(json.loads(body[0])["intent"])
        for line in body[1:] if messages is not None else []:
            index, target, what = json.loads(line)
            message = messages[index]
            mailbox = message["targets"][target]["mailbox"]
            if isinstance(what, dict):
                if what["status"] not in ("delivered", "redirected"):
                    continue
                if what["status"] == "redirected":
                    mailbox = what["to"]["mailbox"]
            self.messages[message["messageId"]]["mailboxes"].add(mailbox)

    def end(self, anchored_head):
        head = self.manifest["head"]
        if head.get("seq") != self.count or (self.count and head.get("hash") != self.hashes[-1]):
            self.problems.append("the journal does not end where the manifest says")
        if anchored_head is not None and anchored_head.lower() not in self.hashes:
            self.problems.append("the journal does not contain the anchored head")

    def message(self, exported):
        known = self.messages.get(exported["messageId"])
        if known is None:
            self.problems.append("the journal knows no message %s" % exported["messageId"])
            return
        if known["exported"]:
            self.problems.append("the message %s is there twice" % exported["messageId"])
        known["exported"] = True
        described = (exported["sha256"], exported["size"], exported["messageClass"].lower())
        if described != (known["sha256"], known["size"], known["class"]):
            self.problems.append("%s is not the message that was delivered" % exported["messageId"])
        for copy in exported["copies"]:
            if copy["mailbox"] not in known["mailboxes"]:
                self.problems.append("%s was not delivered to %s" % (exported["messageId"], copy["mailbox"]))

    def missing(self):
        if self.manifest["query"] is not None:
            return
        for message_id, known in self.messages.items():
            if known["mailboxes"] and not known["exported"]:
                self.problems.append("%s was delivered and is not in the export" % message_id)


def serve():
    for line in sys.stdin:
        folder, _, head = line.rstrip("\n").partition("\t")
        print(json.dumps(verify(folder, head or None)), flush=True)


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
    problems = verify(arguments[0], head)
    for problem in problems:
        print(problem)
    print("sound" if not problems else "NOT sound: %d problems" % len(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
