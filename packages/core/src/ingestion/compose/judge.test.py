"""Reads mails with Python's own parser and says what it finds: the third, independent judge of composed mail.

Mails come on standard input, each with its length before it (4 bytes, big-endian); answers go out as JSON framed likewise.
"""

import hashlib
import json
import struct
import sys
from email import message_from_bytes, policy
from functools import lru_cache


@lru_cache(maxsize=256)
def parse_field(name, value):
    return policy.default.header_fetch_parse(name, value)


class RememberingPolicy(policy.EmailPolicy):
    """The default policy, which parses a field anew whenever anything asks for it: some sixty times a mail."""

    def header_fetch_parse(self, name, value):
        return parse_field(name, value)


REMEMBERING = RememberingPolicy()


def main():
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while head := source.read(4):
        mail = source.read(struct.unpack(">I", head)[0])
        answer = json.dumps(judge(mail)).encode("ascii")
        target.write(struct.pack(">I", len(answer)) + answer)
        target.flush()


def judge(mail):
    message = message_from_bytes(mail, policy=REMEMBERING)
    parts = [(part, part.items()) for part in message.walk()]
    fields = {name.lower(): value for name, value in parts[0][1]}
    bodies, files = sort_parts(parts)
    return {
        "headers": [[name.lower(), str(value)] for name, value in parts[0][1]],
        "from": addresses(fields["from"]),
        "to": addresses(fields["to"]),
        "subject": fields["subject"],
        "date": fields["date"].datetime.isoformat(),
        "text": bodies.get("text/plain"),
        "html": bodies.get("text/html"),
        "files": files,
        "defects": defects(parts),
    }


def addresses(header):
    return [[address.display_name, address.addr_spec] for address in header.addresses]


def defects(parts):
    found = []
    for part, fields in parts:
        found += [type(defect).__name__ for defect in part.defects]
        for name, value in fields:
            found += [f"{name}: {type(defect).__name__}" for defect in value.defects]
    return found


def sort_parts(parts):
    bodies, files = {}, []
    for part, _ in parts:
        if part.is_multipart():
            continue
        if part.get_content_disposition() is None:
            bodies[part.get_content_type()] = part.get_content()
        else:
            files.append(read_file(part))
    return bodies, files


def read_file(part):
    content = part.get_payload(decode=True)
    return {
        "name": part.get_filename(),
        "type": part.get_content_type(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "inline": part.get_content_disposition() == "inline",
        "id": part["content-id"],
    }


main()
