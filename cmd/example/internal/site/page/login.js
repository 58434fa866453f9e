// The user's name and token, stored for this tab.
import { failure } from './failure.js';

export const me = () => sessionStorage.getItem('name') ?? '';
export const token = () => sessionStorage.getItem('token') ?? '';

// login requests a token; the server may trim the name.
export const login = async (name) =>
  keep(await ask('login', { 'Content-Type': 'application/json' }, JSON.stringify({ name })));

// refresh requests a new token while the old one is valid.
export const refresh = async () => {
  const old = token();
  const session = await ask('refresh', { Authorization: `Bearer ${old}` });
  if (token() === old) keep(session); // unless logged out meanwhile
};

// logout removes the token and keeps the name.
export const logout = () => sessionStorage.removeItem('token');

const keep = (session) => {
  sessionStorage.setItem('name', session.name);
  sessionStorage.setItem('token', session.token);
};

const ask = async (path, headers, body) => {
  const response = await fetch(path, { method: 'POST', headers, body }).catch(() => {
    throw new Error('The server cannot be reached.');
  });
  const answer = await response.json();
  if (!response.ok) throw failure(answer);
  return answer;
};
