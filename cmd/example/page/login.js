// Who we are: a name, and the token that proves it. Both are kept for this tab.
import { failure } from './failure.js';

export const me = () => sessionStorage.getItem('name') ?? '';
export const token = () => sessionStorage.getItem('token') ?? '';

// login asks for a token; the name is what the server has made of it.
export const login = async (name) =>
  keep(await ask('login', { 'Content-Type': 'application/json' }, JSON.stringify({ name })));

// refresh asks for a new token while the old one still holds.
export const refresh = async () => {
  const old = token();
  const session = await ask('refresh', { Authorization: `Bearer ${old}` });
  if (token() === old) keep(session); // unless we have logged out meanwhile
};

// logout forgets the token; the name stays for the next time.
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
