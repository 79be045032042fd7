// Read requests as JSON from stdin and print iam-simulate's decision on each.
import { runSimulation } from "@cloud-copilot/iam-simulate";

const ACCOUNT = "123456789012";
let text = "";
for await (const chunk of process.stdin) text += chunk;
const decisions = [];
for (const { principal, action, resource, context, policies, resourcePolicy } of JSON.parse(text)) {
  const answer = await runSimulation(
    {
      request: { principal, action, resource: { resource, accountId: ACCOUNT }, contextVariables: context },
      identityPolicies: policies.map((policy, index) => ({ name: `policy-${index}`, policy })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: resourcePolicy ?? undefined,
    },
    {},
  );
  decisions.push(answer.resultType === "error" ? `error: ${JSON.stringify(answer.errors)}` : answer.overallResult);
}
console.log(JSON.stringify(decisions));
