// Asks the service. A token is kept for this tab alone, and is sent to nobody else.

const KEPT = "spaner-token";
let token = sessionStorage.getItem(KEPT);

export class Failure extends Error {
  constructor(status, line) {
    super(line);
    this.status = status; // 0: the service does not answer
  }
}

export function useToken(given) {
  token = given.trim();
  sessionStorage.setItem(KEPT, token);
}

async function fetched(path, options) {
  const headers = { ...options.headers, ...(token ? { authorization: `Bearer ${token}` } : {}) };
  let answer;
  try {
    answer = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure(0, "The service does not answer.");
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  throw new Failure(answer.status, said.error ?? `status ${answer.status}`);
}

export async function ask(path, sent, signal) {
  const options = sent === undefined ? {} : {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(sent),
  };
  return (await fetched(path, { ...options, signal })).json();
}

export async function bytes(path) {
  return (await fetched(path, {})).blob();
}
