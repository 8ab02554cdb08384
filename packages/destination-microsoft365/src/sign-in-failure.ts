import { AuthError } from "@azure/msal-node";
import { AuthenticationError, type HansardError, isHansardError, UnavailableError } from "@hansard/core";
import { UNREACHED } from "./network-client.ts";

/** Entra ID's codes, and what to do about each. */
const REMEDIES: Record<string, { says: string; remedy: string }> = {
  "7000215": {
    says: "The client secret is wrong.",
    remedy:
      "Set signIn.clientSecret to the secret's value (not its id), or make a new one: Add-MgApplicationPassword -ApplicationId <object id>",
  },
  "7000222": {
    says: "The client secret has expired.",
    remedy: "Make a new one: Add-MgApplicationPassword -ApplicationId <object id>",
  },
  "90002": {
    says: "The tenant is unknown.",
    remedy:
      "Set tenantId to the tenant's id or domain, and cloud to the cloud that it is in: Get-MgOrganization | Format-List Id,VerifiedDomains",
  },
  "900023": {
    says: "The tenant is unknown.",
    remedy: "Set tenantId to the tenant's id or domain: Get-MgOrganization | Format-List Id,VerifiedDomains",
  },
  "700016": {
    says: "The tenant does not know the application.",
    remedy:
      "Set clientId to the application's (client) id, and give it the administrator's consent: Get-MgServicePrincipal -Filter \"appId eq '<application id>'\"",
  },
  "7000112": {
    says: "The application is disabled.",
    remedy: "Enable it: Update-MgServicePrincipal -ServicePrincipalId <object id> -AccountEnabled",
  },
  "700027": {
    says: "The certificate is not accepted.",
    remedy:
      "Upload the certificate of signIn.certificateFile to the application, and see that it has not expired: Get-MgApplication -ApplicationId <object id> | Select-Object -ExpandProperty KeyCredentials",
  },
  "700024": {
    says: "The assertion is outside of its time.",
    remedy: "Set this machine's clock right, or renew the federated token.",
  },
  "70021": {
    says: "No federated credential matches the assertion.",
    remedy:
      "Add a federated identity credential with the assertion's issuer, subject and audience: New-MgApplicationFederatedIdentityCredential",
  },
  "700213": {
    says: "No federated credential matches the assertion.",
    remedy:
      "Add a federated identity credential with the assertion's issuer, subject and audience: New-MgApplicationFederatedIdentityCredential",
  },
};

/** What a failed sign-in means: the configuration is wrong, or Entra ID cannot be reached. Secrets are in neither. */
export function signInFailure(error: unknown, clientId: string): HansardError {
  if (isHansardError(error)) return error;
  if (!(error instanceof AuthError))
    return new UnavailableError(
      `Entra ID could not be asked: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  if (error.errorCode === UNREACHED)
    return new UnavailableError(`Entra ID cannot be reached at ${error.errorMessage}.`, {
      remedy:
        "See that this machine may connect to it, through a proxy with proxyUrl, and that authorityUrl is right if it is set.",
    });
  const code = /AADSTS(\d+)/.exec(error.errorMessage)?.[1];
  const known = code === undefined ? undefined : REMEDIES[code];
  if (known)
    return new AuthenticationError(`${known.says} Entra ID refuses the application ${clientId} (AADSTS${code}).`, {
      remedy: known.remedy,
    });
  const isRefusal = [
    "invalid_client",
    "unauthorized_client",
    "invalid_request",
    "invalid_scope",
    "invalid_grant",
    "access_denied",
  ].includes(error.errorCode);
  const text = `Entra ID gave no token (${error.errorCode}): ${sentence(error.errorMessage)}`;
  if (isRefusal)
    return new AuthenticationError(text, {
      remedy: "Compare tenantId, clientId, cloud and the credential with the application's registration.",
    });
  return new UnavailableError(text, { remedy: "See that the sign-in address can be reached from here." });
}

function sentence(text: string): string {
  return /[.!?]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`;
}
