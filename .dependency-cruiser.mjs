/** The rungs from the lowest up: a folder imports from its own rung and from those before it, never from those after. */
const ladder = [
  ['graph'],
  ['onnx'],
  ['runtime'],
  ['nn', 'losses', 'optim', 'random'],
  ['models'],
  ['data'],
  ['train', 'export'],
  ['sample'],
  ['evaluate'],
  ['text', 'image'],
  ['server', 'cli'],
]

/** Files and folders that every rung may import: they stand at the foot of the ladder. */
const foot = ['^src/errors\\.ts$', '^src/files/', '^src/random/', '^src/sample/causal-model\\.ts$']

/** Tests and what only tests use. */
const tests = '\\.test\\.ts$|/testing/'
const inside = (folders) => `^src/(${folders.join('|')})/`

const downwardOnly = ladder.slice(0, -1).map((rung, height) => ({
  name: `ladder-${rung[0]}`,
  severity: 'error',
  comment: `${rung.join(', ')} may import what is below, nothing above`,
  from: { path: inside(rung), pathNot: tests },
  to: { path: inside(ladder.slice(height + 1).flat()), pathNot: foot },
}))

export default {
  forbidden: [
    ...downwardOnly,
    {
      name: 'crafts-apart',
      severity: 'error',
      comment: 'crafts do not import each other: what both need lies lower',
      from: { path: '^src/(text|image)/', pathNot: tests },
      to: { path: '^src/(text|image)/', pathNot: '^src/$1/' },
    },
    {
      name: 'ladder-files',
      severity: 'error',
      comment: 'files knows dtypes and errors, nothing else of the ladder',
      from: { path: '^src/files/', pathNot: tests },
      to: { path: '^src/', pathNot: ['^src/files/', '^src/errors\\.ts$', '^src/graph/dtype\\.ts$'] },
    },
    {
      name: 'ladder-errors',
      severity: 'error',
      comment: 'errors imports nothing',
      from: { path: '^src/errors\\.ts$' },
      to: {},
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment:
        'what runs has no cycles, but for the table of operations, where the mathematics is circular: ' +
        "a sum's gradient is a broadcast, whose gradient is a sum (types the compiler erases)",
      from: {},
      to: {
        circular: true,
        viaOnly: { dependencyTypesNot: ['type-only'] },
        via: { pathNot: '^src/graph/operations/' },
      },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      comment: 'a module that imports nothing and that nothing imports',
      from: { orphan: true, path: '^src/', pathNot: [tests, '\\.d\\.ts$'] },
      to: {},
    },
    {
      name: 'no-test-imports',
      severity: 'error',
      comment: 'what ships does not import tests',
      from: { pathNot: tests },
      to: { path: tests },
    },
    {
      name: 'no-development-dependencies',
      severity: 'error',
      comment: 'what ships imports only dependencies that are installed with it',
      from: { path: '^src/', pathNot: tests },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg'] },
    },
    {
      name: 'pages-have-no-node',
      severity: 'error',
      comment: 'what builds and lowers graphs runs in a page too',
      from: { path: inside(['graph', 'onnx', 'nn', 'losses', 'optim', 'runtime/web']), pathNot: tests },
      to: { dependencyTypes: ['core'] },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(node:)?(dist|gallery)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
}
