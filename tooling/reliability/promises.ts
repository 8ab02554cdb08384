/** What Hansard promises, and the run that shows it. No promise is made elsewhere without a row here. */
export interface ReliabilityPromise {
  /** The key under which runs record their figures. */
  id: string;
  promise: string;
  /** The test in `npm test`, and the command for all of it. */
  test: string;
  command: string;
}

export const PROMISES: ReliabilityPromise[] = [
  {
    id: "kills",
    promise: "A process that is killed loses nothing and delivers nothing twice.",
    test: "tooling/torture/torture.test.ts",
    command: "npm run torture -- --only kills",
  },
  {
    id: "writes",
    promise: "So it is at every single system call that writes.",
    test: "tooling/torture/torture.test.ts",
    command: "npm run torture -- --only writes",
  },
  {
    id: "power",
    promise: "What was acknowledged survives a power cut.",
    test: "tooling/torture/torture.test.ts",
    command: "npm run torture -- --only power",
  },
  {
    id: "faults",
    promise:
      "A disk that fails, is full or writes only a part: Hansard goes on rightly or ends with a clear error; afterwards nothing is lost.",
    test: "tooling/torture/torture.test.ts",
    command: "npm run torture -- --only faults",
  },
  {
    id: "order",
    promise: "A row never refers to a file that a power cut could take.",
    test: "tooling/torture/torture.test.ts",
    command: "npm run torture -- --only order",
  },
  {
    id: "mutants",
    promise: "These tests can fail: deliberate faults are caught.",
    test: "tooling/torture/torture.test.ts",
    command: "npm run torture -- --only mutants",
  },
  {
    id: "verify",
    promise: "Whatever is changed in an export is found, by two verifiers that share no code.",
    test: "tooling/verify-independently/verify.test.ts",
    command: "HANSARD_MUTATIONS=10000 npm test -- tooling/verify-independently",
  },
  {
    id: "mime",
    promise: "Messages open alike in three independent parsers, whatever is in them.",
    test: "packages/core/src/ingestion/compose/compose-mail.property.test.ts",
    command: "HANSARD_GENERATED_MAILS=20000 npm test -- packages/core/src/ingestion/compose",
  },
  {
    id: "real-export",
    promise: "Every message of a real workspace's export is archived, and the books balance.",
    test: "tooling/end-to-end/community-export.test.ts",
    command: "npm test -- tooling/end-to-end/community-export.test.ts",
  },
  {
    id: "seeds-slack",
    promise: "What is archived of Slack equals what happened there, event for event.",
    test: "connectors/slack/live.test.ts",
    command: "npm run torture -- --only seeds-slack",
  },
  {
    id: "seeds-twitter",
    promise: "What is archived of X equals what happened there, event for event.",
    test: "connectors/twitter/capture.test.ts",
    command: "npm run torture -- --only seeds-twitter",
  },
  {
    id: "seeds-chatter",
    promise: "What is archived of Salesforce Chatter equals what happened there, event for event.",
    test: "connectors/salesforce-chatter/capture.test.ts",
    command: "npm run torture -- --only seeds-chatter",
  },
  {
    id: "seeds-bloomberg",
    promise: "What is archived of Bloomberg's drops equals what was written into them, event for event.",
    test: "tooling/servers/bloomberg/seeds.test.ts",
    command: "npm run torture -- --only seeds-bloomberg",
  },
  {
    id: "deliveries-graph",
    promise: "Microsoft Graph, every fault at 5 %: nothing lost or doubled.",
    test: "packages/ingestion-server/src/delivery-faults.test.ts",
    command: "npm run torture -- --only deliveries-graph",
  },
  {
    id: "deliveries-ews",
    promise: "Exchange Web Services, every fault at 5 %: nothing lost or doubled.",
    test: "packages/ingestion-server/src/ews-faults.test.ts",
    command: "npm run torture -- --only deliveries-ews",
  },
  {
    id: "deliveries-restart",
    promise: "The same while the destination itself is killed again and again.",
    test: "packages/ingestion-server/src/delivery-restart.test.ts",
    command: "npm run torture -- --only deliveries-restart",
  },
  {
    id: "conformance",
    promise: "Every connector obeys the contract, a crash at every step included.",
    test: "connectors/*/conformance.test.ts",
    command: "npm test -- connectors",
  },
  {
    id: "routing",
    promise: "Nobody is dropped: each mapped participant gets one copy, and what nobody claims finds its owners later.",
    test: "tooling/end-to-end/mapped-later.test.ts",
    command:
      "npm test -- tooling/end-to-end/delivery.test.ts tooling/end-to-end/mapped-later.test.ts tooling/end-to-end/holds.test.ts",
  },
  {
    id: "destinations",
    promise: "An IMAP server, a journaling mailbox and a folder of files get each message once, whatever fails.",
    test: "packages/destination-imap/src/faults.test.ts",
    command: "npm test -- packages/destination-imap packages/destination-smtp-journal packages/destination-files",
  },
  {
    id: "checks",
    promise:
      "What a source has and the journal lacks, and what was changed in journal, archive or files, is found; mapping again gives the same bytes.",
    test: "tooling/end-to-end/reconcile.test.ts",
    command:
      "npm test -- tooling/end-to-end/reconcile.test.ts tooling/end-to-end/sample.test.ts tooling/end-to-end/verify-files.test.ts packages/archive packages/journal",
  },
  {
    id: "packages",
    promise:
      "Each package installs and imports alone from its tarball; runner, archive and Slack connector archive a sample.",
    test: "tooling/packages/packages.test.ts",
    command: "HANSARD_EACH_ALONE=1 npm test -- tooling/packages",
  },
  { id: "bench", promise: "It is fast, and stays so as the archive grows.", test: "", command: "npm run bench" },
];
