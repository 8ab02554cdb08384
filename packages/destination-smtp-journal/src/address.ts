const LOCAL_PART = /^[^\s\p{Cc}<>()[\],;:\\"@]{1,64}$/u;
const DOMAIN =
  /^(?=.{1,255}$)[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?(?:\.[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?)*$/u;

/** Whether it may stand in an SMTP command and in a journal report as it is: no quoting, no spaces, no line ends. */
export function isPlainAddress(address: string): boolean {
  const at = address.lastIndexOf("@");
  return at > 0 && LOCAL_PART.test(address.slice(0, at)) && DOMAIN.test(address.slice(at + 1));
}
