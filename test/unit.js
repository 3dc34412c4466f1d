/** For mocha: the tests that start no process, on two processors. */
'use strict'

require('../scripts/typescript')
const { unitTests } = require('./support/unit-tests.ts')

module.exports = { ...require('../.mocharc.json'), parallel: true, jobs: 2, spec: unitTests() }
