// The part of kafkajs in the interop run; README.md beside this folder describes the lines.
'use strict'

const { createInterface } = require('node:readline')
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = require('kafkajs')

CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy')

const CODECS = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy }
/** Records of one send, which kafkajs turns into one batch. */
const SEND = 500

const unhex = text => (text === '-' ? null : Buffer.from(text, 'hex'))

function message (line) {
  const [key, value, list] = line.split('\t')
  const headers = {}
  for (const header of list === '' ? [] : list.split(',')) {
    const [name, value] = header.split(':')
    const values = (headers[Buffer.from(name, 'hex').toString()] ??= [])
    values.push(unhex(value))
  }
  return { key: unhex(key), value: unhex(value), headers, partition: 0 }
}

async function write (bootstrap, topic, codec) {
  const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.ERROR })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1 }] })
  await admin.disconnect()
  const producer = kafka.producer({ idempotent: true })
  await producer.connect()
  let written = 0
  let messages = []
  const send = async () => {
    await producer.send({ topic, messages, compression: CODECS[codec] })
    written += messages.length
    messages = []
  }
  for await (const line of createInterface({ input: process.stdin })) {
    messages.push(message(line))
    if (messages.length === SEND) await send()
  }
  if (messages.length > 0) await send()
  await producer.disconnect()
  console.log(`written ${written}`)
}

/** A member of a group that leaves at the end of standard input. */
async function member (bootstrap, groupId, topic) {
  const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING })
  const consumer = kafka.consumer({
    groupId, sessionTimeout: 6000, heartbeatInterval: 500, rebalanceTimeout: 6000, maxWaitTimeInMs: 100, metadataMaxAge: 1000
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch, heartbeat }) => {
      for (const m of batch.messages) console.log(`${batch.partition} ${m.offset} ${m.value}`)
      const offset = String(BigInt(batch.lastOffset()) + 1n)
      await consumer.commitOffsets([{ topic, partition: batch.partition, offset }])
      await heartbeat()
    }
  })
  for await (const _ of process.stdin);
  await consumer.disconnect()
}

async function main ([verb, ...args]) {
  if (verb === 'write') return write(...args)
  if (verb === 'member') return member(...args)
  throw new Error(`write or member, not ${verb}`)
}

main(process.argv.slice(2)).catch(error => {
  console.error(error)
  process.exit(1)
})
