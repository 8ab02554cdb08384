"""Reads with exchangelib what a mailbox holds in three folders, and prints it as JSON."""
import base64
import json
import sys

from exchangelib import BASIC, IMPERSONATION, Account, Build, Configuration, Credentials, Version

url, user, password, mailbox = sys.argv[1:]
configuration = Configuration(
    service_endpoint=url, credentials=Credentials(user, password), auth_type=BASIC, version=Version(build=Build(15, 2, 1544, 4))
)
account = Account(primary_smtp_address=mailbox, config=configuration, autodiscover=False, access_type=IMPERSONATION)


def seen(item):
    return {
        "itemClass": item.item_class,
        "subject": item.subject,
        "isDraft": item.is_draft,
        "isRead": item.is_read,
        "received": item.datetime_received.ewsformat(),
        "sent": item.datetime_sent.ewsformat(),
        "messageId": item.message_id,
        "from": [item.author.name, item.author.email_address],
        "to": [[to.name, to.email_address] for to in item.to_recipients],
        "body": str(item.body),
        "attachments": [
            {"name": a.name, "contentType": a.content_type, "base64": base64.b64encode(a.content).decode()} for a in item.attachments
        ],
        "mime": base64.b64encode(item.mime_content).decode(),
    }


folders = [account.recoverable_items_purges, account.inbox, account.msg_folder_root / "Slack" / "general"]
print(json.dumps([seen(item) for folder in folders for item in folder.all()]))
