import { join } from "node:path";
import {
  type IngestionServer,
  type IngestionServerOptions,
  openIngestionServer,
} from "../../packages/ingestion-server/src/index.ts";
import { TestInstallation } from "./installation.ts";

/** May do what the Graph destination needs. */
export const APPLICATION = {
  clientId: "11111111-2222-3333-4444-555555555555",
  secret: "s3cret-value",
  permissions: ["Mail.ReadWrite", "User.Read.All"],
};

/** A folder with what archives Slack's exports in Microsoft 365, and a server of ours in Microsoft's place. */
export async function openGraphInstallation(
  options: Pick<IngestionServerOptions, "mailboxes" | "limits">,
): Promise<{ here: TestInstallation; server: IngestionServer }> {
  const here = new TestInstallation("", {
    "connector-slack": "connectors/slack",
    "destination-microsoft365": "packages/destination-microsoft365",
  });
  const folder = join(here.folder, "server");
  const server = await openIngestionServer({ folder, applications: [APPLICATION], ...options });
  here.write("secret", APPLICATION.secret);
  return { here, server };
}

/** Of the destination, for the server. The secret is in the file that the installation has. */
export function graphSettings({ url }: IngestionServer): object {
  return {
    tenantId: "contoso.example",
    clientId: APPLICATION.clientId,
    signIn: { method: "client-secret", clientSecret: "${file:./secret}" },
    authorityUrl: url,
    graphUrl: url,
  };
}
