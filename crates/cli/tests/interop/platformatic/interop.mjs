// The part of @platformatic/kafka in the interop run; README.md beside this folder describes the lines.
import { createInterface } from 'node:readline'
import { Admin, Producer } from '@platformatic/kafka'

/** Records of one send, which the client turns into one batch. */
const SEND = 500

const unhex = text => (text === '-' ? null : Buffer.from(text, 'hex'))

function message (topic, line) {
  const [key, value, list] = line.split('\t')
  // A map takes a name once; buffers are names that differ even when their bytes do not.
  const headers = new Map()
  for (const header of list === '' ? [] : list.split(',')) {
    const [name, value] = header.split(':')
    headers.set(unhex(name), unhex(value))
  }
  return { topic, partition: 0, key: unhex(key), value: unhex(value), headers }
}

async function write (bootstrap, topic, codec) {
  const shared = { clientId: 'ottla-interop', bootstrapBrokers: [bootstrap] }
  const admin = new Admin(shared)
  await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 })
  await admin.close()
  const producer = new Producer({ ...shared, idempotent: true, compression: codec })
  let written = 0
  let messages = []
  const send = async () => {
    await producer.send({ messages })
    written += messages.length
    messages = []
  }
  for await (const line of createInterface({ input: process.stdin })) {
    messages.push(message(topic, line))
    if (messages.length === SEND) await send()
  }
  if (messages.length > 0) await send()
  await producer.close()
  console.log(`written ${written}`)
}

const [verb, ...args] = process.argv.slice(2)
if (verb !== 'write') throw new Error(`write, not ${verb}`)
await write(...args)
