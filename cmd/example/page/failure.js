// What the server answers with when it refuses something, as an Error in words.
export const failure = ({ message, code, details }) => {
  const wait = code === 'rate_limited' && details?.retryAfter;
  return Object.assign(new Error(wait ? `${message} – try again in ${wait} s` : message), { code });
};

// Of a token: token_missing, token_expired, token_invalid. Only a new login helps.
export const isDenied = (answer) => answer?.code?.startsWith('token_') === true;
