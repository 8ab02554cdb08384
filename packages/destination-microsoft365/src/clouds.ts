import type { Settings } from "./settings.ts";

export interface Cloud {
  /** Without a slash at the end. */
  authorityUrl: string;
  graphUrl: string;
  /** What a token is for. */
  resource: string;
  /** Whether `permanentDelete` exists, and with it the way into Purges. */
  hasPermanentDelete: boolean;
}

const CLOUDS: Record<Settings["cloud"], Omit<Cloud, "resource">> = {
  global: {
    authorityUrl: "https://login.microsoftonline.com",
    graphUrl: "https://graph.microsoft.com",
    hasPermanentDelete: true,
  },
  "gcc-high": {
    authorityUrl: "https://login.microsoftonline.us",
    graphUrl: "https://graph.microsoft.us",
    hasPermanentDelete: false,
  },
  dod: {
    authorityUrl: "https://login.microsoftonline.us",
    graphUrl: "https://dod-graph.microsoft.us",
    hasPermanentDelete: false,
  },
  china: {
    authorityUrl: "https://login.partner.microsoftonline.cn",
    graphUrl: "https://microsoftgraph.chinacloudapi.cn",
    hasPermanentDelete: false,
  },
};

/** The cloud's addresses, or those that the settings put in their place. The token stays one for the cloud's Graph. */
export function cloudOf({
  cloud,
  authorityUrl,
  graphUrl,
}: Pick<Settings, "cloud" | "authorityUrl" | "graphUrl">): Cloud {
  const known = CLOUDS[cloud];
  return {
    ...known,
    resource: known.graphUrl,
    authorityUrl: (authorityUrl ?? known.authorityUrl).replace(/\/+$/, ""),
    graphUrl: (graphUrl ?? known.graphUrl).replace(/\/+$/, ""),
  };
}
