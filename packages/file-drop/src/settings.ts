import { Secret } from "@hansard/core";
import { z } from "zod";

const SecretText = z
  .string()
  .min(1)
  .meta({ secret: true })
  .transform((value) => new Secret(value));

export const FolderSettings = z.strictObject({
  folder: z.string().min(1).describe("A folder of this machine, or one that is mounted."),
});

export const SftpSettings = z
  .strictObject({
    host: z.string().min(1).describe("The server's name."),
    port: z.int().min(1).max(65_535).default(22).describe("The server's port."),
    user: z.string().min(1).describe("The user's name on the server."),
    hostKeys: z
      .array(z.string().regex(/^SHA256:[A-Za-z0-9+/]{43}$/, "Give the fingerprint as OpenSSH prints it: `SHA256:…`."))
      .min(1)
      .describe("Fingerprints of the server's host keys. Any other key is refused."),
    privateKey: SecretText.optional().describe("The SSH private key, in PEM or OpenSSH form."),
    passphrase: SecretText.optional().describe("Of the SSH private key."),
    password: SecretText.optional().describe("Where the server takes no key."),
    folder: z.string().min(1).default(".").describe("The folder on the server."),
  })
  .refine(({ privateKey, password }) => privateKey ?? password, "Give a `privateKey` or a `password`.");
export type SftpSettings = z.output<typeof SftpSettings>;

/** Where the files are. */
export const DropLocation = z.union([
  FolderSettings,
  z.strictObject({ sftp: SftpSettings.describe("A folder of an SFTP server.") }),
]);
export type DropLocation = z.output<typeof DropLocation>;

/** The keys for files that are encrypted or signed with PGP. */
export const PgpSettings = z.strictObject({
  privateKeys: z.array(SecretText).default([]).describe("Armored private keys that the files are encrypted to."),
  passphrase: SecretText.optional().describe("Of the private keys."),
  senderKeys: z.array(z.string()).default([]).describe("Armored public keys that the source signs with."),
  signatures: z
    .enum(["required", "when-present", "unchecked"])
    .default("required")
    .describe("Whether a PGP file must be signed by one of the `senderKeys`, within it or beside it in a `.sig` file."),
});
export type PgpSettings = z.output<typeof PgpSettings>;

/** How to tell that a file is there whole. */
export const CompletionSettings = z.strictObject({
  stableForSeconds: z
    .number()
    .min(0)
    .max(86_400)
    .default(30)
    .describe("A file is read when its size and time were the same twice, this far apart."),
  marker: z.boolean().default(false).describe("Read a file only when `<name>.done` lies beside it."),
  graceHours: z.number().min(0).default(24).describe("How long to wait for a file that a manifest or a message names."),
});
export type CompletionSettings = z.output<typeof CompletionSettings>;
