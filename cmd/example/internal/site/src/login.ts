// The user's name and token, stored for this tab.
import { type Answer, Failure } from "./failure.js";

interface Session {
  name: string;
  token: string;
}

export const me = (): string => sessionStorage.getItem("name") ?? "";
export const token = (): string => sessionStorage.getItem("token") ?? "";

/** Requests a token; the server may trim the name. */
export const login = async (name: string): Promise<void> =>
  keep(await ask("login", { "Content-Type": "application/json" }, JSON.stringify({ name })));

/** Requests a new token while the old one is valid. */
export const refresh = async (): Promise<void> => {
  const old = token();
  const session = await ask("refresh", { Authorization: `Bearer ${old}` });
  if (token() === old) keep(session); // unless logged out meanwhile
};

/** Removes the token and keeps the name. */
export const logout = (): void => sessionStorage.removeItem("token");

const keep = (session: Session): void => {
  sessionStorage.setItem("name", session.name);
  sessionStorage.setItem("token", session.token);
};

const ask = async (path: string, headers: HeadersInit, body?: string): Promise<Session> => {
  const response = await fetch(path, { method: "POST", headers, ...(body !== undefined && { body }) }).catch(() => {
    throw new Error("The server cannot be reached.");
  });
  const answer = await response.json();
  if (!response.ok) throw new Failure(answer as Answer);
  return answer as Session;
};
