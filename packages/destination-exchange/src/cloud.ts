import type { Finding } from "@hansard/core";

/** A Microsoft cloud whose Exchange Online is losing EWS. */
export interface Cloud {
  title: string;
  host: string;
  authority: string;
}

const CLOUDS: Cloud[] = [
  { title: "Exchange Online", host: "outlook.office365.com", authority: "https://login.microsoftonline.com" },
  { title: "Exchange Online", host: "outlook.office.com", authority: "https://login.microsoftonline.com" },
  { title: "Exchange Online (GCC High)", host: "outlook.office365.us", authority: "https://login.microsoftonline.us" },
  { title: "Exchange Online (DoD)", host: "outlook-dod.office365.us", authority: "https://login.microsoftonline.us" },
  {
    title: "Exchange Online (21Vianet)",
    host: "partner.outlook.cn",
    authority: "https://login.partner.microsoftonline.cn",
  },
];

/** From this day EWS is blocked where the tenant did not allow the application. */
export const BLOCKED_FROM: Date = new Date("2026-10-01T00:00:00Z");
/** From this day EWS is gone from Exchange Online, without exceptions. */
export const GONE_FROM: Date = new Date("2027-04-01T00:00:00Z");

const ALLOW =
  'Set-OrganizationConfig -EwsEnabled $true -EwsAllowedAppIDs "<the application\'s id>" allows it until then; deliver through Microsoft Graph (@hansard/destination-microsoft365) for good.';

/** The Microsoft cloud that the service belongs to; undefined for an Exchange Server or another service. */
export function cloudOf(url: string): Cloud | undefined {
  const { hostname } = new URL(url);
  return CLOUDS.find(({ host }) => host === hostname.toLowerCase());
}

/** What is to be said of EWS in Exchange Online on this day. Undefined for Exchange Server, which is not affected. */
export function retirement(url: string, now: Date, useAfterRetirement: boolean): Finding | undefined {
  const cloud = cloudOf(url);
  if (!cloud) return undefined;
  if (now >= GONE_FROM) {
    return {
      level: useAfterRetirement ? "warning" : "error",
      message: `EWS was switched off in ${cloud.title} on 2027-04-01.`,
      remedy:
        "Deliver through Microsoft Graph (@hansard/destination-microsoft365). Only where Microsoft has given more time, set `useAfterRetirement: true`.",
    };
  }
  const message =
    now >= BLOCKED_FROM
      ? `EWS is blocked by default in ${cloud.title} since 2026-10-01, and is switched off on 2027-04-01.`
      : `EWS will be blocked by default in ${cloud.title} on 2026-10-01, and switched off on 2027-04-01.`;
  return { level: "warning", message, remedy: ALLOW };
}
