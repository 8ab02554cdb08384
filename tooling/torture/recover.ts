import { inspectFolder } from "./inspect.ts";
import { type Answer, type Question } from "./recovery.ts";
import { runScenario } from "./run-scenario.ts";

// The program that comes after a crash: it stays, so that thousands of recoveries do not each start a process.
process.on("message", (question: Question) => {
  void answer(question).then((answered) => process.send?.(answered));
});
process.on("disconnect", () => process.exit());

async function answer({ kind, folder, scenario, promised }: Question): Promise<Answer> {
  try {
    if (kind === "inspect") return { problems: await inspectFolder(folder, scenario) };
    await runScenario({ folder, scenario, promised });
    return { problems: [] };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      problems: [kind === "inspect" ? `It cannot be inspected: ${reason}` : `It did not come to its end: ${reason}`],
    };
  }
}
