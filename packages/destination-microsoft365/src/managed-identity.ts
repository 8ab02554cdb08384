import { AuthError, type AuthenticationResult, ManagedIdentityApplication, ServerError } from "@azure/msal-node";
import { AuthenticationError, type HansardError, isHansardError, UnavailableError } from "@hansard/core";
import { networkClient } from "./network-client.ts";

/** Answers that may be another one in a while, of those below 500: the endpoint is busy or being renewed. */
const PASSING = [404, 408, 410, 429];

/** Fetches tokens of the machine's managed identity, the system-assigned one where no client id is given. */
export function managedIdentity(
  userAssignedClientId: string | undefined,
  resource: string,
): (isRenewal: boolean) => Promise<AuthenticationResult> {
  const identity = new ManagedIdentityApplication({
    ...(userAssignedClientId !== undefined && { managedIdentityIdParams: { userAssignedClientId } }),
    system: { networkClient: endpoint },
  });
  return async (isRenewal) => {
    try {
      return await identity.acquireToken({ resource, forceRefresh: isRenewal });
    } catch (error) {
      throw failureOf(error, userAssignedClientId);
    }
  };
}

/**
 * The endpoint is on the machine itself: no proxy stands before it. The library keeps the first network client that it is
 * given for the whole process, so that it must outlive the destination.
 */
const endpoint = networkClient();

function failureOf(error: unknown, userAssignedClientId: string | undefined): HansardError {
  if (isHansardError(error)) return error;
  const whose =
    userAssignedClientId === undefined
      ? "the system-assigned managed identity"
      : `the managed identity ${userAssignedClientId}`;
  const said = error instanceof AuthError ? error.errorMessage || error.errorCode : String(error);
  const reason = /Description: (.*) - Correlation ID/.exec(said)?.[1] ?? said;
  const status = error instanceof ServerError ? (error.status ?? 0) : 0;
  if (status >= 400 && status < 500 && !PASSING.includes(status)) {
    return new AuthenticationError(
      `This machine's identity endpoint gives no token for ${whose} (${status}): ${reason}`,
      {
        remedy:
          userAssignedClientId === undefined
            ? "Give the machine an identity (az vm identity assign, az webapp identity assign, az containerapp identity assign), or name a user-assigned one by its client id in the settings."
            : "Set the client id (not the object id) of a user-assigned identity that is assigned to this machine: az identity list; az vm identity assign --identities <resource id>",
      },
    );
  }
  return new UnavailableError(
    `This machine's identity endpoint did not give a token for ${whose}${status === 0 ? "" : ` (${status})`}: ${reason}`,
    {
      remedy:
        "Managed identities exist on machines of Azure's only: see that this is one and that its identity endpoint can be reached, or choose another signIn.method.",
      cause: error,
    },
  );
}
