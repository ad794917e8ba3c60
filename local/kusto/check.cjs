// Reads {tables: {name: "column:type, …"}, queries: {name: query}} from standard input, and writes what
// Microsoft's parser has to say of each query that is not right: [{query, code, severity, message}].
// The package is made for pages: loading it puts `Kusto` and `Bridge` into the global scope.
require("@kusto/language-service-next/bridge.min.js");
require("@kusto/language-service-next/Kusto.Language.Bridge.min.js");
const { readFileSync } = require("node:fs");

const { tables, queries } = JSON.parse(readFileSync(0, "utf8"));
const { Symbols, GlobalState, KustoCode } = Kusto.Language;
const known = Object.entries(tables).map(([name, columns]) =>
  Symbols.TableSymbol.From(`(${columns})`).WithName(name),
);
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor("db", known));
const found = [];
for (const [query, text] of Object.entries(queries)) {
  const diagnostics = KustoCode.ParseAndAnalyze(text, globals).GetDiagnostics();
  for (let at = 0; at < diagnostics.Count; at++) {
    const { Code: code, Severity: severity, Message: message } = diagnostics.getItem(at);
    found.push({ query, code, severity, message });
  }
}
process.stdout.write(JSON.stringify(found));
