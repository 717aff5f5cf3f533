// genai.js: Google's own client in the words of matrix.js. Only providers speak Gemini's format, so it meets the simulated
// one alone. (It asks for Node 20 and runs on 18 as well.)
import { ApiError, GoogleGenAI } from "@google/genai";

const status = (code) => (e) => e instanceof ApiError && e.status === code;

function contents(turns) {
  return turns.map((t) => {
    if (t.told) return t.told.turn;
    if (t.results) {
      const response = (r) => ({ functionResponse: { name: r.call.name, response: { result: r.text } } });
      return { role: "user", parts: t.results.map(response) };
    }
    const parts = [{ text: t.said }];
    if (t.image) {
      const [, mimeType, data] = /^data:(.*);base64,(.*)$/.exec(t.image);
      parts.push({ inlineData: { mimeType, data } });
    }
    return { role: "user", parts };
  });
}

async function joined(stream) {
  const parts = [];
  let finishReason, usageMetadata;
  for await (const piece of stream) {
    const candidate = piece.candidates[0];
    parts.push(...candidate.content.parts);
    finishReason = candidate.finishReason ?? finishReason;
    usageMetadata = piece.usageMetadata ?? usageMetadata;
  }
  if (!finishReason) throw new Error("the stream ended before its end");
  return { candidates: [{ content: { role: "model", parts }, finishReason }], usageMetadata };
}

async function ask(api, q) {
  const config = { maxOutputTokens: 2000 };
  const declare = (name) => ({ name, parameters: { type: "OBJECT", properties: { text: { type: "STRING" } }, required: ["text"] } });
  if (q.tools) config.tools = [{ functionDeclarations: q.tools.map(declare) }];
  if (q.schema) Object.assign(config, { responseMimeType: "application/json", responseJsonSchema: q.schema });
  if (q.reason) config.thinkingConfig = { includeThoughts: true };
  const request = { model: q.model, contents: contents(q.turns), config };
  const answer = q.stream ? await joined(await api.models.generateContentStream(request)) : await api.models.generateContent(request);
  const { content, finishReason } = answer.candidates[0];
  const texts = (isThought) => content.parts.filter((p) => Boolean(p.thought) === isThought).map((p) => p.text ?? "").join("");
  const calls = content.parts.filter((p) => p.functionCall).map((p) => p.functionCall);
  const usage = answer.usageMetadata;
  return {
    text: texts(false),
    calls: calls.map((c, i) => ({ id: c.id ?? `call-${i}`, name: c.name, input: c.args })),
    thought: texts(true),
    finish: finishReason === "STOP" ? (calls.length ? "tool" : "stop") : finishReason,
    usage: { prompt: usage.promptTokenCount, completion: usage.candidatesTokenCount, reasoning: usage.thoughtsTokenCount },
    turn: content,
  };
}

async function embed(api, { model, texts }) {
  const { embeddings } = await api.models.embedContent({ model, contents: texts });
  return { vectors: embeddings.map((e) => e.values) }; // it tells no tokens
}

export const genaiClient = {
  name: "google genai",
  connect: (at, apiKey) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: at.url, apiVersion: "v1beta" } }), // a timeout of its would outlive the call
  ask, embed,
  errors: { bad: status(400), unauthorized: status(401), limited: status(429), unavailable: status(503) },
};
