// The procedure in words, for who has the bundle and nothing else.
export function bundleReadme(kpi: string, period: string, records: number, hash: string): string {
  return `# The figure ${kpi}, ${period}, with its proof

\`value.json\` holds the figure, what was asked, and number and hash of the ${records} records it was made of.
\`definition.yml\`, \`calendars/\` and \`catalogue.ndjson\` say how it is counted; \`cases.ndjson\` is the evidence.

With the program, offline: \`npx guanlan kpi verify DIRECTORY --key KEYS\`. Get the keys from elsewhere than this bundle.

By hand:
1. \`checkpoint\` is a signed note (C2SP): origin, number of leaves, root. Check a signature with a key of \`keys.txt\`.
2. The hash of a record is SM3 over its canonical JSON (RFC 8785), in hex; of a definition or calendar, over its text as
   a JSON string; of a publication of the catalogue, over the list of its rows; of the figure, over \`value.json\`.
3. A leaf is the JSON {"hash","id","kind","knownMs","version"} without blanks; its leaf hash is ${hash}(0x00, leaf).
4. Line n of \`cases.proofs.ndjson\` leads from the leaf of line n of \`cases.ndjson\` to the root (RFC 9162, 2.1.3.2); \`proofs.json\`
   does so for the other files. The indices of the cases rise.
5. Sort the hashes of all records, join them by line feeds, hash with ${hash}: that is \`evidence.hash\` of \`value.json\`.
6. If there is \`definitions/\`, these are other versions: \`definition.yml\` is the one in force when the period ends.
7. Work out the figure by the definition and compare it.
`
}
