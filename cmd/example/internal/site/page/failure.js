// failure converts an error of the server to an Error.
export const failure = ({ message, code, details }) => {
  const wait = code === 'rate_limited' && details?.retryAfter;
  return Object.assign(new Error(wait ? `${message} – try again in ${wait} s` : message), { code });
};

// isDenied reports token_missing, token_expired or token_invalid: a new login is needed.
export const isDenied = (answer) => answer?.code?.startsWith('token_') === true;
