// Errors of the server, of gateways and of routes, as texts for the user.
import { GatehouseError } from "../../../../../contract/typescript/gatehouse.js";

/** What routes answer instead of a result. */
export interface Answer {
  message: string;
  code?: string;
  details?: unknown;
}

export class Failure extends Error {
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(text(answer));
    this.answer = answer;
  }
}

/** Reports token_missing, token_expired or token_invalid: a new login is needed. */
export const isDenied = (error: unknown): boolean => codeOf(error).startsWith("token_");

export const textOf = (error: unknown): string => {
  if (error instanceof GatehouseError) return local[String(error.code)] ?? text({ message: error.message, code: String(error.code), details: error.details });
  return error instanceof Error ? error.message : String(error);
};

const local: { [code: string]: string } = {
  disconnected: "The connection was lost.",
  no_answer: "The server does not answer.",
};

const codeOf = (error: unknown): string =>
  error instanceof GatehouseError ? String(error.code) : error instanceof Failure ? (error.answer.code ?? "") : "";

const text = ({ message, code, details }: Answer): string => {
  const wait = code === "rate_limited" && (details as { retryAfter?: number } | undefined)?.retryAfter;
  return wait ? `${message} – try again in ${wait} s` : message;
};
