// The part of @platformatic/kafka in the interop run; README.md beside this folder describes the lines.
import { createInterface } from 'node:readline'
import { Admin, Consumer, Producer } from '@platformatic/kafka'

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

/** A member of a group that leaves at the end of standard input. */
async function member (bootstrap, groupId, topic) {
  const consumer = new Consumer({
    clientId: 'ottla-interop', bootstrapBrokers: [bootstrap], groupId, autocommit: false, sessionTimeout: 6000,
    rebalanceTimeout: 6000, heartbeatInterval: 500, metadataMaxAge: 1000, maxWaitTime: 100
  })
  const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' })
  process.stdin.on('end', () => consumer.close(true)).resume()
  for await (const m of stream) {
    console.log(`${m.partition} ${m.offset} ${m.value}`)
    await m.commit()
  }
}

const [verb, ...args] = process.argv.slice(2)
if (verb === 'write') await write(...args)
else if (verb === 'member') await member(...args)
else throw new Error(`write or member, not ${verb}`)
