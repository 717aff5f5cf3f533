// The clients of providers' own users, pointed at the simulated provider: what it says is what they understand. (Google's has
// no other place here: Gemini's format is one that providers speak, not clients of ours.)
import { anthropicClient } from "./anthropic.js";
import { genaiClient } from "./genai.js";
import { direct } from "./matrix.js";
import { chatClient } from "./openai.js";

direct(chatClient, "/v1", "reasoning", "reasoning before a tool, and both given back"); // OpenAI shows no thoughts in chat
direct(anthropicClient, "/v1", "reasoning tokens");
direct(genaiClient, "");
