"""What is asked of both brokers. Every function takes a Broker b (see diff.py); names are made unique by b.name()."""
import struct, time
from kproto import *

ALL = []
NOW = int(time.time()) * 1000 - 100_000   # fixed for one run, so that both brokers see the same times and retention leaves them alone
def scenario(fn): ALL.append((fn.__name__, fn)); return fn

REC = lambda n=3, size=20, base_ts=NOW, **kw: batch([(b'k%d' % i, b'v' * size, [(b'h', b'x'), (b'h', None)] if i == 0 else [], i) for i in range(n)], base_ts=base_ts, **kw)
def create(b, c, x, parts=1, configs=None, v=7):
    o = b.call(c, f'create {x}', 'CreateTopics', v, {'Topics': [{'Name': b.name(x), 'NumPartitions': parts, 'ReplicationFactor': 1, 'Assignments': [], 'Configs': [{'Name': k, 'Value': w} for k, w in (configs or {}).items()]}], 'timeoutMs': 10000}, view=lambda o: [{'ErrorCode': t['ErrorCode'], 'NumPartitions': t.get('NumPartitions')} for t in o['Topics']])
    settle(b, c, x, parts if parts > 0 else 4)
    return o['Topics'][0].get('TopicId') if 'Topics' in o else None
def settle(b, c, x, parts):
    """Apache Kafka answers CreateTopics before the partitions take requests; wait, so that the race is not what is compared."""
    for _ in range(100):
        o = c.call('ListOffsets', 8, {'ReplicaId': -1, 'Topics': [{'Name': b.name(x), 'Partitions': [{'PartitionIndex': i, 'Timestamp': -1, 'CurrentLeaderEpoch': -1} for i in range(parts)]}]})
        if not any(p['ErrorCode'] for t in o['Topics'] for p in t['Partitions']): return
        time.sleep(0.05)
def produce(b, c, label, x, recs, part=0, acks=-1, v=9, tid=None, txn=None, view=None):
    t = {'PartitionData': [{'Index': part, 'Records': recs}]}
    if v >= 13: t['TopicId'] = tid
    else: t['Name'] = b.name(x)
    body = {'TransactionalId': txn, 'Acks': acks, 'TimeoutMs': 5000, 'TopicData': [t]}
    return b.call(c, label, 'Produce', v, body, view=view)
def fetchview(o):
    for t in o.get('Responses', []):
        for p in t.get('Partitions', []):
            if p.get('Records') is not None: p['Records'] = parse(p['Records'])
            for k in ('base_ts', 'max_ts'): pass
    return o
def fetch(b, c, label, x, off, v=12, tid=None, part=0, wait=100, minb=0, maxb=1 << 20, pmax=1 << 20, sid=0, sep=-1, iso=0, cle=-1, extra=None):
    p = {'Partition': part, 'FetchOffset': off, 'PartitionMaxBytes': pmax}
    if v >= 9: p['CurrentLeaderEpoch'] = cle
    t = {'Partitions': [p]}
    if v >= 13: t['TopicId'] = tid
    else: t['Topic'] = b.name(x)
    body = {'MaxWaitMs': wait, 'MinBytes': minb, 'MaxBytes': maxb, 'IsolationLevel': iso, 'Topics': [t] if x else []}
    if v >= 7: body['SessionId'] = sid; body['SessionEpoch'] = sep
    body.update(extra or {})
    return b.call(c, label, 'Fetch', v, body, view=fetchview)
def listoffs(b, c, label, x, ts, v=8, part=0, iso=0, cle=-1):
    p = {'PartitionIndex': part, 'Timestamp': ts}
    if v >= 4: p['CurrentLeaderEpoch'] = cle
    body = {'ReplicaId': -1, 'Topics': [{'Name': b.name(x), 'Partitions': [p]}]}
    if v >= 2: body['IsolationLevel'] = iso
    return b.call(c, label, 'ListOffsets', v, body)

@scenario
def api_versions(b):
    for v in b.versions('ApiVersions'):
        c = b.conn(); b.call(c, 'ask', 'ApiVersions', v, {'ClientSoftwareName': 'diff', 'ClientSoftwareVersion': '1'} if v >= 3 else {})
    for v in (6, 99):
        c = b.conn(); f = c.frame('ApiVersions', 4, {'ClientSoftwareName': 'diff', 'ClientSoftwareVersion': '1'}); f = f[:2] + struct.pack('>h', v) + f[4:]
        c.raw(struct.pack('>i', len(f)) + f); cid, o = c.recv('ApiVersions', 0); b.note(f'too new v{v}', o)
    c = b.conn(); b.call(c, 'bad software name', 'ApiVersions', 3, {'ClientSoftwareName': '-bad name-', 'ClientSoftwareVersion': ''}, view=lambda o: o['ErrorCode'])

@scenario
def first_request_need_not_be_api_versions(b):
    c = b.conn(); b.call(c, 'metadata first', 'Metadata', 1, {'Topics': []}, view=lambda o: o['Topics'])

@scenario
def metadata(b):
    c = b.conn(); tid = create(b, c, 't', 3)
    for v in b.versions('Metadata'):
        auto = {'AllowAutoTopicCreation': False} if v >= 4 else {}
        b.call(c, 'existing', 'Metadata', v, dict({'Topics': [{'Name': b.name('t')}]}, **auto))
        if v >= 4: b.call(c, 'missing, no creation', 'Metadata', v, dict({'Topics': [{'Name': b.name('missing')}]}, **auto), view=lambda o: o['Topics'])
        b.call(c, 'none' if v >= 1 else 'all of old', 'Metadata', v, dict({'Topics': [] if v >= 1 else [{'Name': b.name('t')}]}, **auto), view=lambda o: [o['Brokers'], len(o['Topics'])])
    for v in (12, 13):
        b.call(c, 'by id', 'Metadata', v, {'Topics': [{'TopicId': tid, 'Name': None}], 'AllowAutoTopicCreation': False}, view=lambda o: o['Topics'])
        b.call(c, 'by unknown id', 'Metadata', v, {'Topics': [{'TopicId': '11' * 16, 'Name': None}], 'AllowAutoTopicCreation': False}, view=lambda o: o['Topics'])
        b.call(c, 'by id with name', 'Metadata', v, {'Topics': [{'TopicId': tid, 'Name': b.name('t')}], 'AllowAutoTopicCreation': False})
        b.call(c, 'neither id nor name', 'Metadata', v, {'Topics': [{'Name': None}], 'AllowAutoTopicCreation': False})
    for n in ('', '.', '..', 'a/b', 'x' * 250, 'sp ace', '\u00fcmlaut'):
        b.call(b.conn(), f'bad name {n[:8]}', 'Metadata', 9, {'Topics': [{'Name': n}], 'AllowAutoTopicCreation': True}, view=lambda o: o['Topics'])

@scenario
def auto_creation_is_usable_at_once(b):
    c = b.conn()
    for v in (1, 4, 9, 12):
        for _ in range(50):
            o = c.call('Metadata', v, dict({'Topics': [{'Name': b.name(f'auto{v}')}]}, **({'AllowAutoTopicCreation': True} if v >= 4 else {})))
            if o['Topics'][0]['ErrorCode'] == 0: break
            time.sleep(0.1)
        b.note(f'created v{v}', [o['Topics'][0]['ErrorCode'], len(o['Topics'][0]['Partitions'])])
        produce(b, c, 'first write', f'auto{v}', REC())

@scenario
def create_topics(b):
    c = b.conn()
    def ct(label, topics, v=7, **kw): return b.call(c, label, 'CreateTopics', v, dict({'Topics': topics, 'timeoutMs': 8000}, **kw))
    T = lambda n, p=1, r=1, a=(), cf=(): {'Name': n, 'NumPartitions': p, 'ReplicationFactor': r, 'Assignments': list(a), 'Configs': [{'Name': k, 'Value': v} for k, v in cf]}
    for v in b.versions('CreateTopics'): ct('plain', [T(b.name(f'v{v}'), 2)], v)
    ct('exists', [T(b.name('v2'))]); ct('defaults', [T(b.name('dflt'), -1, -1)]); ct('zero partitions', [T(b.name('z'), 0)]); ct('negative partitions', [T(b.name('z'), -5)])
    ct('replication 2', [T(b.name('z'), 1, 2)]); ct('replication 0', [T(b.name('z'), 1, 0)]); ct('twice in one', [T(b.name('dup')), T(b.name('dup'))])
    ct('validate only', [T(b.name('vo'), 3)], validateOnly=True); ct('validate only left nothing', [T(b.name('vo'), 3)], validateOnly=True)
    ct('assignment', [T(b.name('as'), -1, -1, [{'PartitionIndex': 0, 'BrokerIds': [1]}, {'PartitionIndex': 1, 'BrokerIds': [1]}])])
    ct('assignment with count', [T(b.name('as2'), 2, 1, [{'PartitionIndex': 0, 'BrokerIds': [1]}])]); ct('assignment with hole', [T(b.name('as3'), -1, -1, [{'PartitionIndex': 0, 'BrokerIds': [1]}, {'PartitionIndex': 2, 'BrokerIds': [1]}])]); ct('assignment unknown broker', [T(b.name('as4'), -1, -1, [{'PartitionIndex': 0, 'BrokerIds': [99]}])]); ct('assignment doubled broker', [T(b.name('as5'), -1, -1, [{'PartitionIndex': 0, 'BrokerIds': [1, 1]}])])
    for n in ('', '.', '..', 'a/b', 'x' * 250, 'x' * 249, 'sp ace'): ct(f'name {n[:6]}{len(n)}', [T(n)], validateOnly=True)
    ct('dot name', [T(b.name('co.ll'))]); ct('collides with dot', [T(b.name('co_ll'))])
    ct('unknown config', [T(b.name('uc'), cf=[('no.such.config', '1')])]); ct('bad value', [T(b.name('uc'), cf=[('retention.ms', 'abc')])]); ct('bad value 2', [T(b.name('uc'), cf=[('cleanup.policy', 'shred')])]); ct('null value', [T(b.name('uc'), cf=[('retention.ms', None)])]); ct('doubled config', [T(b.name('uc'), cf=[('retention.ms', '1'), ('retention.ms', '2')])])
    ct('good configs', [T(b.name('gc'), cf=[('retention.ms', '1000'), ('cleanup.policy', 'compact,delete'), ('max.message.bytes', '2000'), ('min.insync.replicas', '1'), ('compression.type', 'zstd')])])
    ct('internal name', [T('__consumer_offsets')], validateOnly=True) if False else None
    ct('mixed good and bad', [T(b.name('mg')), T('a/b')]); ct('empty request', [])

@scenario
def produce_plain(b):
    c = b.conn(); tid = create(b, c, 't', 2)
    for v in b.versions('Produce'): produce(b, c, 'three records', 't', REC(), v=v, tid=tid)
    for acks in (1, -1): produce(b, c, f'acks {acks}', 't', REC(), acks=acks)
    for acks in (2, -2, 100): produce(b, c, f'acks {acks}', 't', REC(), acks=acks)
    produce(b, c, 'unknown topic', 'nope', REC()); produce(b, c, 'unknown partition', 't', REC(), part=7); produce(b, c, 'negative partition', 't', REC(), part=-1); produce(b, c, 'unknown id', 't', REC(), v=13, tid='22' * 16)
    b.call(c, 'one bad partition, one good', 'Produce', 9, {'Acks': -1, 'TimeoutMs': 5000, 'TopicData': [{'Name': b.name('t'), 'PartitionData': [{'Index': 0, 'Records': REC()}, {'Index': 9, 'Records': REC()}, {'Index': 1, 'Records': REC()}]}]})
    b.call(c, 'no topics', 'Produce', 9, {'Acks': -1, 'TimeoutMs': 5000, 'TopicData': []})
    fetch(b, c, 'what is there', 't', 0)
    c2 = b.conn(); n = c2.send('Produce', 9, {'Acks': 0, 'TimeoutMs': 100, 'TopicData': [{'Name': b.name('t'), 'PartitionData': [{'Index': 1, 'Records': REC()}]}]}); m = c2.send('ListOffsets', 8, {'ReplicaId': -1, 'Topics': [{'Name': b.name('t'), 'Partitions': [{'PartitionIndex': 1, 'Timestamp': -1, 'CurrentLeaderEpoch': -1}]}]}); cid, o = c2.recv('ListOffsets', 8); b.note('acks 0 has no answer', [cid == m, o])
    c3 = b.conn(); c3.send('Produce', 9, {'Acks': 0, 'TimeoutMs': 100, 'TopicData': [{'Name': b.name('nope'), 'PartitionData': [{'Index': 1, 'Records': REC()}]}]}); b.call(c3, 'after acks 0 with an error', 'Metadata', 9, {'Topics': []}, view=lambda o: 'alive')

@scenario
def produce_bad_batches(b):
    c = b.conn(); create(b, c, 't'); create(b, c, 'small', 1, {'max.message.bytes': '300'}); create(b, c, 'compact', 1, {'cleanup.policy': 'compact'}); create(b, c, 'logtime', 1, {'message.timestamp.type': 'LogAppendTime'}); create(b, c, 'future', 1, {'message.timestamp.after.max.ms': '1000', 'message.timestamp.before.max.ms': '1000'})
    g = REC(); flip = lambda d, i: d[:i] + bytes([d[i] ^ 1]) + d[i + 1:]
    for label, d in (('crc flipped', flip(g, 18)), ('body flipped', flip(g, len(g) - 2)), ('magic 1', g[:16] + b'\1' + g[17:]), ('magic 3', g[:16] + b'\3' + g[17:]), ('count too big', REC(count=9)), ('count zero', REC(count=0)), ('last delta off', REC(last_delta=7)), ('negative count', REC(count=-1)),
                     ('cut short', g[:-5]), ('twenty bytes', g[:20]), ('length too long', g[:8] + struct.pack('>i', len(g) + 50) + g[12:]), ('length negative', g[:8] + struct.pack('>i', -1) + g[12:]), ('two batches', g + g), ('trailing bytes', g + b'xx'), ('empty', b''), ('codec 7', REC(attrs=7)), ('base offset set', REC(base_offset=77)), ('control batch', REC(attrs=32)), ('transactional without id', REC(attrs=16, pid=5, epoch=0, seq=0)), ('leader epoch set', REC(leader_epoch=55)), ('epoch without pid', REC(epoch=3, seq=4)), ('pid without sequence', REC(pid=99, epoch=0, seq=-1)), ('log append bit', REC(attrs=8)), ('unused attribute bits', REC(attrs=128))):
        produce(b, b.conn(), label, 't', d)
    produce(b, c, 'too large', 'small', REC(3, 200)); produce(b, c, 'fits', 'small', REC(1, 20)); produce(b, c, 'no key on compacted', 'compact', batch([(None, b'v', [], 0)])); produce(b, c, 'tombstone on compacted', 'compact', batch([(b'k', None, [], 0)]))
    produce(b, c, 'log append time', 'logtime', REC()); produce(b, c, 'too old', 'future', REC(base_ts=NOW)); produce(b, c, 'too new', 'future', REC(base_ts=int(time.time() * 1000) + 3600_000)); produce(b, c, 'in time', 'future', REC(base_ts=int(time.time() * 1000)))
    produce(b, c, 'zstd before v7', 't', REC(attrs=4), v=6); produce(b, c, 'bytes that are not lz4', 't', REC(attrs=3)); produce(b, c, 'negative timestamp', 't', REC(base_ts=-5))
    listoffs(b, c, 'end', 't', -1)

@scenario
def idempotence(b):
    c = b.conn(); create(b, c, 't', 2)
    for _ in range(60):
        if c.call('InitProducerId', 4, {'TransactionalId': None, 'TransactionTimeoutMs': 60000, 'ProducerId': -1, 'ProducerEpoch': -1})['ErrorCode'] == 0: break
        time.sleep(0.1)
    o = b.call(c, 'id', 'InitProducerId', 4, {'TransactionalId': None, 'TransactionTimeoutMs': 60000, 'ProducerId': -1, 'ProducerEpoch': -1}); pid, ep = o['ProducerId'], o['ProducerEpoch']
    P = lambda label, seq, n=3, e=None, p=None, part=0: produce(b, c, label, 't', REC(n, pid=pid if p is None else p, epoch=ep if e is None else e, seq=seq), part=part)
    P('first', 0); P('next', 3); P('duplicate of next', 3); P('duplicate of first', 0); P('gap', 20); P('next again', 6); P('overlap', 7); P('part of a duplicate', 6, 2); P('other partition starts at 5', 5, part=1); P('other partition starts at 0', 0, part=1)
    for i in range(6): P(f'run {i}', 9 + 3 * i)
    P('old duplicate, out of the cache', 0); P('cached duplicate', 12); P('epoch too new with sequence 0', 0, e=ep + 1); P('old epoch', 27, e=ep); P('new epoch, wrong sequence', 50, e=ep + 1); P('unknown producer, sequence 0', 0, p=987654321); P('unknown producer, sequence 9', 9, p=987654322)
    b.call(c, 'bump', 'InitProducerId', 4, {'TransactionalId': None, 'TransactionTimeoutMs': 60000, 'ProducerId': pid, 'ProducerEpoch': ep})
    for v in b.versions('InitProducerId'): b.call(b.conn(), 'versions', 'InitProducerId', v, {'TransactionalId': None, 'TransactionTimeoutMs': 60000})
    b.call(b.conn(), 'empty transactional id', 'InitProducerId', 4, {'TransactionalId': '', 'TransactionTimeoutMs': 60000})
    b.call(c, 'DescribeProducers', 'DescribeProducers', 0, {'Topics': [{'Name': b.name('t'), 'PartitionIndexes': [0, 5]}]}, view=lambda o: [[dict(PartitionIndex=p['PartitionIndex'], ErrorCode=p['ErrorCode'], n=len(p['ActiveProducers'])) for p in t['Partitions']] for t in o['Topics']])

@scenario
def fetch_offsets_and_limits(b):
    c = b.conn(); tid = create(b, c, 't', 2)
    for i in range(5): produce(b, c, f'write {i}', 't', REC(3, 100))
    for v in b.versions('Fetch'):
        fetch(b, c, 'from 0', 't', 0, v=v, tid=tid); fetch(b, c, 'inside a batch', 't', 4, v=v, tid=tid, pmax=10); fetch(b, c, 'at the end', 't', 15, v=v, tid=tid); fetch(b, c, 'past the end', 't', 16, v=v, tid=tid); fetch(b, c, 'negative', 't', -1, v=v, tid=tid)
    fetch(b, c, 'max bytes 1', 't', 0, maxb=1); fetch(b, c, 'partition max 1', 't', 3, pmax=1); fetch(b, c, 'limit in the second batch', 't', 0, pmax=700); fetch(b, c, 'unknown topic', 'nope', 0); fetch(b, c, 'unknown id', 't', 0, v=13, tid='33' * 16); fetch(b, c, 'unknown partition', 't', 0, part=9)
    fetch(b, c, 'leader epoch 0', 't', 0, cle=0, maxb=1); fetch(b, c, 'leader epoch too new', 't', 0, cle=9); fetch(b, c, 'read committed', 't', 0, iso=1, maxb=1); fetch(b, c, 'empty partition', 't', 0, part=1); fetch(b, c, 'nothing asked', None, 0)
    t0 = time.time(); fetch(b, c, 'waits for the deadline', 't', 15, wait=500, minb=1); dt = time.time() - t0; b.note('waited', 0.4 < dt < 1.0)
    t0 = time.time(); fetch(b, c, 'does not wait when bytes are there', 't', 0, wait=2000, minb=1, maxb=1); b.note('at once', time.time() - t0 < 0.5)
    c2 = b.conn(); c2.send('Fetch', 12, {'MaxWaitMs': 5000, 'MinBytes': 1, 'MaxBytes': 1 << 20, 'SessionEpoch': -1, 'Topics': [{'Topic': b.name('t'), 'Partitions': [{'Partition': 1, 'FetchOffset': 0, 'PartitionMaxBytes': 1 << 20}]}]}); time.sleep(0.2); t0 = time.time(); produce(b, c, 'wakes the waiter', 't', REC(), part=1); cid, o = c2.recv('Fetch', 12); b.note('woken', [time.time() - t0 < 1.0, fetchview(o)])

@scenario
def fetch_sessions(b):
    c = b.conn(); tid = create(b, c, 't', 2); produce(b, c, 'w', 't', REC())
    o = fetch(b, c, 'open', 't', 0, sep=0); sid = o.get('SessionId', 0); b.note('session made', sid > 0)
    fetch(b, c, 'incremental, nothing new', None, 0, sid=sid, sep=1); fetch(b, c, 'incremental moves on', 't', 3, sid=sid, sep=2); produce(b, c, 'w2', 't', REC()); fetch(b, c, 'incremental sees it', None, 0, sid=sid, sep=3)
    fetch(b, c, 'wrong epoch', None, 0, sid=sid, sep=9); fetch(b, c, 'unknown session', None, 0, sid=123456, sep=1); fetch(b, c, 'add a partition', 't', 0, part=1, sid=sid, sep=4); fetch(b, c, 'forget it', None, 0, sid=sid, sep=5, extra={'ForgottenTopicsData': [{'Topic': b.name('t'), 'Partitions': [1]}]}); fetch(b, c, 'unknown topic in a session', 'nope', 0, sid=sid, sep=6); fetch(b, c, 'close', None, 0, sid=sid, sep=-1); fetch(b, c, 'after close', None, 0, sid=sid, sep=7)

@scenario
def list_offsets(b):
    c = b.conn(); create(b, c, 't', 2); 
    for i in range(4): produce(b, c, f'w{i}', 't', REC(3, base_ts=NOW + 1000 * i))
    for v in b.versions('ListOffsets'):
        for ts in (-1, -2, NOW, NOW + 1001, NOW + 3002, NOW + 99999, 0): listoffs(b, c, f'ts {ts - NOW if ts > 0 else ts}', 't', ts, v=v)
    for ts in (-3, -4, -5, -6, -7, -99): listoffs(b, c, f'special {ts}', 't', ts, v=11)
    for v, ts in ((6, -3), (7, -4), (8, -5), (8, -4), (7, -3), (9, -5)): listoffs(b, c, f'special {ts} at v{v}', 't', ts, v=v)
    listoffs(b, c, 'empty partition', 't', -1, part=1); listoffs(b, c, 'empty by time', 't', 5, part=1); listoffs(b, c, 'empty max', 't', -3, part=1); listoffs(b, c, 'unknown', 'nope', -1); listoffs(b, c, 'unknown partition', 't', -1, part=5); listoffs(b, c, 'committed', 't', -1, iso=1); listoffs(b, c, 'epoch 0', 't', -1, cle=0); listoffs(b, c, 'epoch 5', 't', -1, cle=5)
    b.call(c, 'same partition twice', 'ListOffsets', 8, {'ReplicaId': -1, 'Topics': [{'Name': b.name('t'), 'Partitions': [{'PartitionIndex': 0, 'Timestamp': -1}, {'PartitionIndex': 0, 'Timestamp': -2}]}]})

@scenario
def offset_for_leader_epoch(b):
    c = b.conn(); create(b, c, 't'); produce(b, c, 'w', 't', REC())
    for v in b.versions('OffsetForLeaderEpoch'):
        for e in (0, -1, 7): b.call(c, f'epoch {e}', 'OffsetForLeaderEpoch', v, dict({'Topics': [{'Topic': b.name('t'), 'Partitions': [{'Partition': 0, 'CurrentLeaderEpoch': -1, 'LeaderEpoch': e}, {'Partition': 4, 'CurrentLeaderEpoch': -1, 'LeaderEpoch': e}]}, {'Topic': b.name('nope'), 'Partitions': [{'Partition': 0, 'CurrentLeaderEpoch': 3, 'LeaderEpoch': e}]}]}, **({'ReplicaId': -1} if v >= 3 else {})))

@scenario
def topic_configs(b):
    c = b.conn(); create(b, c, 't', 1, {'retention.ms': '123456', 'cleanup.policy': 'compact'})
    for v in b.versions('DescribeConfigs'): b.call(c, 'all', 'DescribeConfigs', v, dict({'Resources': [{'ResourceType': 2, 'ResourceName': b.name('t'), 'ConfigurationKeys': None}]}, **dict({'IncludeSynonyms': True}, **({'IncludeDocumentation': False} if v >= 3 else {}))))
    D = lambda label, keys, rt=2, rn=None, v=4: b.call(c, label, 'DescribeConfigs', v, {'Resources': [{'ResourceType': rt, 'ResourceName': b.name('t') if rn is None else rn, 'ConfigurationKeys': keys}], 'IncludeSynonyms': False})
    D('two', ['retention.ms', 'segment.bytes']); D('unknown key', ['nope']); D('no keys', []); D('unknown topic', None, rn=b.name('nope')); D('bad topic', None, rn='a/b'); D('type 99', None, rt=99); D('broker 1, one key', ['num.partitions', 'message.max.bytes', 'auto.create.topics.enable', 'log.retention.ms'], rt=4, rn='1'); D('broker 77', ['num.partitions'], rt=4, rn='77'); D('cluster default', None, rt=4, rn=''); D('broker x', None, rt=4, rn='x'); D('group', None, rt=32, rn=b.name('g')); D('client metrics', None, rt=16, rn=b.name('m')); D('logger', ['root'], rt=8, rn='1') if False else None
    A = lambda label, cf, v=1, rt=2, rn=None, **kw: b.call(c, label, 'IncrementalAlterConfigs', v, dict({'Resources': [{'ResourceType': rt, 'ResourceName': b.name('t') if rn is None else rn, 'Configs': [{'Name': n, 'ConfigOperation': op, 'Value': val} for n, op, val in cf]}], 'ValidateOnly': False}, **kw))
    A('set', [('retention.ms', 0, '777')], v=0); A('set again', [('retention.ms', 0, '778')]); A('delete', [('retention.ms', 1, None)]); A('append', [('cleanup.policy', 2, 'delete')]); D('after append', ['cleanup.policy', 'retention.ms']); A('subtract', [('cleanup.policy', 3, 'compact')]); D('after subtract', ['cleanup.policy']); A('append to a number', [('retention.ms', 2, '5')]); A('unknown', [('nope', 0, '1')]); A('bad value', [('retention.ms', 0, 'x')]); A('set null', [('retention.ms', 0, None)]); A('twice', [('retention.ms', 0, '1'), ('retention.ms', 0, '2')]); A('operation 9', [('retention.ms', 9, '1')]); A('unknown topic', [('retention.ms', 0, '1')], rn=b.name('nope')); A('validate only', [('retention.ms', 0, '9')], ValidateOnly=True); D('unchanged', ['retention.ms']); A('nothing', [])
    for v in b.versions('AlterConfigs'): b.call(c, 'replace all', 'AlterConfigs', v, {'Resources': [{'ResourceType': 2, 'ResourceName': b.name('t'), 'Configs': [{'Name': 'segment.bytes', 'Value': '1048576'}]}], 'ValidateOnly': False})
    D('after replace', ['segment.bytes', 'cleanup.policy'])
    A('group config', [('consumer.session.timeout.ms', 0, '50000')], rt=32, rn=b.name('g')); A('group config out of range', [('consumer.session.timeout.ms', 0, '1')], rt=32, rn=b.name('g'))

@scenario
def broker_config_names(b):
    c = b.conn(); b.call(c, 'broker 1', 'DescribeConfigs', 4, {'Resources': [{'ResourceType': 4, 'ResourceName': '1', 'ConfigurationKeys': None}]}, view=lambda o: {x['Name']: [x['ConfigType'], x['ReadOnly'], x['IsSensitive']] for x in o['Results'][0]['Configs']})

@scenario
def partitions_and_deletion(b):
    c = b.conn(); tid = create(b, c, 't', 2); tid2 = create(b, c, 'u', 1); produce(b, c, 'w', 't', REC()); produce(b, c, 'w', 't', REC())
    for v, n in zip(b.versions('CreatePartitions'), range(3, 9)): b.call(c, f'to {n}', 'CreatePartitions', v, {'Topics': [{'Name': b.name('t'), 'Count': n, 'Assignments': None}], 'TimeoutMs': 5000, 'ValidateOnly': False})
    CP = lambda label, n, t='t', **kw: b.call(c, label, 'CreatePartitions', 3, dict({'Topics': [{'Name': b.name(t), 'Count': n, 'Assignments': kw.pop('a', None)}], 'TimeoutMs': 5000, 'ValidateOnly': kw.pop('vo', False)}))
    CP('same', 6); CP('fewer', 2); CP('zero', 0); CP('unknown', 5, 'nope'); CP('validate', 9, vo=True); CP('with assignment', 7, a=[{'BrokerIds': [1]}]); CP('bad assignment', 9, a=[{'BrokerIds': [1]}]); CP('unknown broker', 8, a=[{'BrokerIds': [44]}])
    b.call(c, 'twice', 'CreatePartitions', 3, {'Topics': [{'Name': b.name('t'), 'Count': 20}, {'Name': b.name('t'), 'Count': 21}], 'TimeoutMs': 5000, 'ValidateOnly': False})
    produce(b, c, 'into a new partition', 't', REC(), part=6)
    for v in b.versions('DeleteRecords'): b.call(c, f'before {v + 1}', 'DeleteRecords', v, {'Topics': [{'Name': b.name('t'), 'Partitions': [{'PartitionIndex': 0, 'Offset': v + 1}]}], 'TimeoutMs': 5000})
    DR = lambda label, off, p=0, t='t': b.call(c, label, 'DeleteRecords', 2, {'Topics': [{'Name': b.name(t), 'Partitions': [{'PartitionIndex': p, 'Offset': off}]}], 'TimeoutMs': 5000})
    DR('backwards', 1); DR('too far', 99); DR('unknown', 0, t='nope'); DR('unknown partition', 0, p=50); DR('minus two', -2); DR('to the end', -1); fetch(b, c, 'below the start', 't', 0); listoffs(b, c, 'start', 't', -2); produce(b, c, 'goes on', 't', REC()); fetch(b, c, 'from the start', 't', 6)
    b.call(c, 'log dirs', 'DescribeLogDirs', 4, {'Topics': [{'Topic': b.name('t'), 'Partitions': [0, 1]}]}, view=lambda o: [o['ErrorCode'], [[d['ErrorCode'], [[t['Name'], sorted([p['PartitionIndex'], p['PartitionSize'], p['OffsetLag'], p['IsFutureKey']] for p in t['Partitions'])] for t in d['Topics']]] for d in o['Results']]])
    b.call(c, 'describe partitions', 'DescribeTopicPartitions', 0, {'Topics': [{'Name': b.name('t')}, {'Name': b.name('nope')}], 'ResponsePartitionLimit': 100, 'Cursor': None}); b.call(c, 'with limit', 'DescribeTopicPartitions', 0, {'Topics': [{'Name': b.name('t')}, {'Name': b.name('u')}], 'ResponsePartitionLimit': 3, 'Cursor': None}); b.call(c, 'with cursor', 'DescribeTopicPartitions', 0, {'Topics': [{'Name': b.name('t')}, {'Name': b.name('u')}], 'ResponsePartitionLimit': 3, 'Cursor': {'TopicName': b.name('t'), 'PartitionIndex': 3}})
    for v in b.versions('DescribeCluster'): b.call(c, 'cluster', 'DescribeCluster', v, {'IncludeClusterAuthorizedOperations': True})
    D = lambda label, v, body: b.call(c, label, 'DeleteTopics', v, dict(body, TimeoutMs=8000))
    D('by name', 5, {'TopicNames': [b.name('t')]}); D('gone', 5, {'TopicNames': [b.name('t')]}); D('by id', 6, {'Topics': [{'Name': None, 'TopicId': tid2}]}); D('id gone', 6, {'Topics': [{'Name': None, 'TopicId': tid2}]}); D('by name v6', 6, {'Topics': [{'Name': b.name('u'), 'TopicId': '0' * 32}]}); D('both', 6, {'Topics': [{'Name': b.name('u'), 'TopicId': tid2}]}); D('neither', 6, {'Topics': [{'Name': None, 'TopicId': '0' * 32}]})
    produce(b, c, 'into the deleted', 't', REC()); produce(b, c, 'into the deleted id', 't', REC(), v=13, tid=tid); fetch(b, c, 'of the deleted id', 't', 0, v=13, tid=tid); create(b, c, 't', 1); listoffs(b, c, 'new life', 't', -1)

@scenario
def coordinators(b):
    c = b.conn()
    for v in b.versions('FindCoordinator'):
        for kt in ((0, 1) if v >= 1 else (0,)):
            body = {'KeyType': kt} if v >= 1 else {}
            body.update({'CoordinatorKeys': [b.name('g1'), b.name('g2')]} if v >= 4 else {'Key': b.name('g1')})
            for _ in range(40):
                o = c.call('FindCoordinator', v, body); e = o.get('ErrorCode', 0) or max([x['ErrorCode'] for x in o.get('Coordinators', [])] or [0])
                if e != 15: break
                time.sleep(0.1)
            b.note(f'type {kt} v{v}', o)
    b.call(c, 'type 9', 'FindCoordinator', 4, {'KeyType': 9, 'CoordinatorKeys': ['x']}); b.call(c, 'empty key', 'FindCoordinator', 4, {'KeyType': 0, 'CoordinatorKeys': ['']}); b.call(c, 'share key badly formed', 'FindCoordinator', 6, {'KeyType': 2, 'CoordinatorKeys': ['x']})

def wait_coord(c, g):
    for _ in range(60):
        o = c.call('FindCoordinator', 4, {'KeyType': 0, 'CoordinatorKeys': [g]})
        if o['Coordinators'][0]['ErrorCode'] == 0: break
        time.sleep(0.1)
    for _ in range(60):
        if c.call('Heartbeat', 0, {'GroupId': g, 'GenerationId': 1, 'MemberId': 'x'})['ErrorCode'] not in (14, 15, 16): return
        time.sleep(0.1)
def join(b, c, label, g, member='', v=5, proto='consumer', protos=(('range', b'\0\0'),), sess=10000, reb=10000, inst=None, view=None):
    body = {'GroupId': g, 'SessionTimeoutMs': sess, 'MemberId': member, 'ProtocolType': proto, 'Protocols': [{'Name': n, 'Metadata': m} for n, m in protos]}
    if v >= 1: body['RebalanceTimeoutMs'] = reb
    if v >= 5: body['GroupInstanceId'] = inst
    return b.call(c, label, 'JoinGroup', v, body, view=view)

@scenario
def classic_group_of_one(b):
    c = b.conn(); wait_coord(c, b.name('g')); create(b, c, 't', 2)
    for v in b.versions('JoinGroup'):
        g = b.name(f'g{v}'); o = join(b, c, 'join', g, v=v); m = o['MemberId']
        if o['ErrorCode'] == 79: o = join(b, c, 'join with the id', g, m, v=v); m = o['MemberId']
        gen = o['GenerationId']; sv = min(v, 5)
        b.call(c, 'sync', 'SyncGroup', sv, dict({'GroupId': g, 'GenerationId': gen, 'MemberId': m, 'Assignments': [{'MemberId': m, 'Assignment': b'\0\0\0\1'}]}, **({'ProtocolType': 'consumer', 'ProtocolName': 'range'} if sv >= 5 else {})))
        hv = min(v, 4); b.call(c, 'heartbeat', 'Heartbeat', hv, {'GroupId': g, 'GenerationId': gen, 'MemberId': m}); b.call(c, 'heartbeat, old generation', 'Heartbeat', hv, {'GroupId': g, 'GenerationId': gen - 1, 'MemberId': m}); b.call(c, 'heartbeat, stranger', 'Heartbeat', hv, {'GroupId': g, 'GenerationId': gen, 'MemberId': 'stranger'})
        for dv in (0, 4, 5, 6): b.call(c, 'describe', 'DescribeGroups', dv, {'Groups': [g]})
        for cv in b.versions('OffsetCommit'):
            if cv > 9: continue
            b.call(c, 'commit', 'OffsetCommit', cv, {'GroupId': g, 'GenerationIdOrMemberEpoch': gen, 'MemberId': m, 'Topics': [{'Name': b.name('t'), 'Partitions': [{'PartitionIndex': 0, 'CommittedOffset': cv, 'CommittedMetadata': f'm{cv}'}, {'PartitionIndex': 9, 'CommittedOffset': 3, 'CommittedMetadata': None}]}]})
        b.call(c, 'commit, wrong generation', 'OffsetCommit', 8, {'GroupId': g, 'GenerationIdOrMemberEpoch': gen + 5, 'MemberId': m, 'Topics': [{'Name': b.name('t'), 'Partitions': [{'PartitionIndex': 0, 'CommittedOffset': 1}]}]})
        b.call(c, 'commit, no member', 'OffsetCommit', 8, {'GroupId': g, 'GenerationIdOrMemberEpoch': -1, 'MemberId': '', 'Topics': [{'Name': b.name('t'), 'Partitions': [{'PartitionIndex': 0, 'CommittedOffset': 1}]}]})
        b.call(c, 'commit, unknown topic', 'OffsetCommit', 8, {'GroupId': g, 'GenerationIdOrMemberEpoch': gen, 'MemberId': m, 'Topics': [{'Name': b.name('nope'), 'Partitions': [{'PartitionIndex': 0, 'CommittedOffset': 1}]}]})
        b.call(c, 'commit, huge metadata', 'OffsetCommit', 8, {'GroupId': g, 'GenerationIdOrMemberEpoch': gen, 'MemberId': m, 'Topics': [{'Name': b.name('t'), 'Partitions': [{'PartitionIndex': 1, 'CommittedOffset': 1, 'CommittedMetadata': 'x' * 5000}]}]})
        for fv in range(1, 8): b.call(c, 'committed', 'OffsetFetch', fv, {'GroupId': g, 'Topics': [{'Name': b.name('t'), 'PartitionIndexes': [0, 1]}]})
        for fv in (8, 9): b.call(c, 'committed', 'OffsetFetch', fv, {'Groups': [{'GroupId': g, 'Topics': [{'Name': b.name('t'), 'PartitionIndexes': [0, 1]}]}, {'GroupId': b.name('nogroup'), 'Topics': None}]})
        b.call(c, 'all committed', 'OffsetFetch', 7, {'GroupId': g, 'Topics': None}); b.call(c, 'delete while stable', 'DeleteGroups', 2, {'GroupsNames': [g]})
        lv = min(v, 5); b.call(c, 'leave', 'LeaveGroup', lv, {'GroupId': g, 'Members': [{'MemberId': m}, {'MemberId': 'stranger'}]} if lv >= 3 else {'GroupId': g, 'MemberId': m}); b.call(c, 'describe empty', 'DescribeGroups', 5, {'Groups': [g]}); b.call(c, 'offset delete', 'OffsetDelete', 0, {'GroupId': g, 'Topics': [{'Name': b.name('t'), 'Partitions': [{'PartitionIndex': 0}, {'PartitionIndex': 7}]}]}); b.call(c, 'delete', 'DeleteGroups', 2, {'GroupsNames': [g]}); b.call(c, 'delete again', 'DeleteGroups', 2, {'GroupsNames': [g]})

@scenario
def classic_group_errors(b):
    c = b.conn(); g = b.name('g'); wait_coord(c, g)
    join(b, c, 'empty group id', '', v=5); join(b, c, 'short session', g, sess=1); join(b, c, 'long session', g, sess=99_000_000); join(b, c, 'unknown member', g, 'stranger'); join(b, c, 'no protocols', g, protos=()); join(b, c, 'empty protocol type', g, proto='')
    o = join(b, c, 'first', g, v=3); m, gen = o['MemberId'], o['GenerationId']; b.call(c, 'sync', 'SyncGroup', 3, {'GroupId': g, 'GenerationId': gen, 'MemberId': m, 'Assignments': [{'MemberId': m, 'Assignment': b'\1\2'}]})
    join(b, c, 'other protocol type', g, proto='connect', v=3); join(b, c, 'no common protocol', g, protos=(('sticky', b''),), v=3)
    b.call(c, 'sync, wrong protocol name', 'SyncGroup', 5, {'GroupId': g, 'GenerationId': gen, 'MemberId': m, 'ProtocolType': 'consumer', 'ProtocolName': 'sticky', 'Assignments': []}); b.call(c, 'sync, wrong type', 'SyncGroup', 5, {'GroupId': g, 'GenerationId': gen, 'MemberId': m, 'ProtocolType': 'x', 'ProtocolName': 'range', 'Assignments': []}); b.call(c, 'sync, wrong generation', 'SyncGroup', 5, {'GroupId': g, 'GenerationId': gen + 1, 'MemberId': m, 'ProtocolType': 'consumer', 'ProtocolName': 'range', 'Assignments': []}); b.call(c, 'sync again', 'SyncGroup', 5, {'GroupId': g, 'GenerationId': gen, 'MemberId': m, 'ProtocolType': 'consumer', 'ProtocolName': 'range', 'Assignments': []})
    c2 = b.conn(); n = c2.send('JoinGroup', 3, {'GroupId': g, 'SessionTimeoutMs': 10000, 'RebalanceTimeoutMs': 10000, 'MemberId': '', 'ProtocolType': 'consumer', 'Protocols': [{'Name': 'range', 'Metadata': b'two'}]}); time.sleep(0.3)
    b.call(c, 'heartbeat in rebalance', 'Heartbeat', 3, {'GroupId': g, 'GenerationId': gen, 'MemberId': m}); b.call(c, 'commit in rebalance', 'OffsetCommit', 7, {'GroupId': g, 'GenerationIdOrMemberEpoch': gen, 'MemberId': m, 'Topics': []}); b.call(c, 'sync in rebalance', 'SyncGroup', 3, {'GroupId': g, 'GenerationId': gen, 'MemberId': m, 'Assignments': []})
    o = join(b, c, 'rejoin', g, m, v=3, view=lambda o: {k: v for k, v in o.items() if k != 'Members'} | {'n': len(o['Members'])}); cid, o2 = c2.recv('JoinGroup', 3); b.note('second is in', o2); m2 = o2['MemberId']; gen = o['GenerationId']
    c2.send('SyncGroup', 3, {'GroupId': g, 'GenerationId': gen, 'MemberId': m2, 'Assignments': []}); time.sleep(0.2); b.call(c, 'leader syncs', 'SyncGroup', 3, {'GroupId': g, 'GenerationId': gen, 'MemberId': m, 'Assignments': [{'MemberId': m, 'Assignment': b'A'}, {'MemberId': m2, 'Assignment': b'B'}]}); cid, o = c2.recv('SyncGroup', 3); b.note('follower gets', o)
    b.call(c, 'describe two', 'DescribeGroups', 5, {'Groups': [g, '', b.name('none')]}); b.call(c, 'list', 'ListGroups', 5, {'StatesFilter': ['Stable'], 'TypesFilter': ['classic']}, view=lambda o: [x for x in o['Groups'] if x['GroupId'] == g]); b.call(c, 'list, odd filter', 'ListGroups', 5, {'StatesFilter': ['Nonsense'], 'TypesFilter': []}, view=lambda o: [x for x in o['Groups'] if x['GroupId'] == g])
    b.call(c, 'heartbeat as consumer protocol', 'ConsumerGroupHeartbeat', 1, {'GroupId': g, 'MemberId': m, 'MemberEpoch': gen}); b.call(c, 'describe as consumer group', 'ConsumerGroupDescribe', 1, {'GroupIds': [g]})

@scenario
def static_members(b):
    c = b.conn(); g = b.name('g'); wait_coord(c, g)
    o = join(b, c, 'static join', g, v=5, inst='i1'); m, gen = o['MemberId'], o['GenerationId']; b.call(c, 'sync', 'SyncGroup', 3, {'GroupId': g, 'GenerationId': gen, 'MemberId': m, 'GroupInstanceId': 'i1', 'Assignments': [{'MemberId': m, 'Assignment': b'S'}]})
    o = join(b, c, 'comes back without id', g, v=5, inst='i1'); m2, gen2 = o['MemberId'], o['GenerationId']; b.call(c, 'old id is fenced', 'Heartbeat', 3, {'GroupId': g, 'GenerationId': gen, 'MemberId': m, 'GroupInstanceId': 'i1'}); b.call(c, 'sync of the new id', 'SyncGroup', 3, {'GroupId': g, 'GenerationId': gen2, 'MemberId': m2, 'GroupInstanceId': 'i1', 'Assignments': []}); b.call(c, 'heartbeat', 'Heartbeat', 3, {'GroupId': g, 'GenerationId': gen2, 'MemberId': m2, 'GroupInstanceId': 'i1'}); b.call(c, 'leave by instance', 'LeaveGroup', 4, {'GroupId': g, 'Members': [{'MemberId': '', 'GroupInstanceId': 'i1'}, {'MemberId': '', 'GroupInstanceId': 'none'}]}); b.call(c, 'describe', 'DescribeGroups', 5, {'Groups': [g]})

@scenario
def consumer_protocol_group(b):
    c = b.conn(); g = b.name('g'); wait_coord(c, g); create(b, c, 't', 4)
    mid = 'AAAAAAAAAAAAAAAAAAAAAA'; mid2 = 'BBBBBBBBBBBBBBBBBBBBBB'
    H = lambda label, m=mid, e=0, v=1, **kw: b.call(c, label, 'ConsumerGroupHeartbeat', v, dict({'GroupId': g, 'MemberId': m, 'MemberEpoch': e}, **kw), view=lambda o: {k: x for k, x in o.items() if k not in ('HeartbeatIntervalMs',)})
    sub = dict(RebalanceTimeoutMs=5000, SubscribedTopicNames=[b.name('t')], TopicPartitions=[])
    H('empty group', e=0, GroupId='', **sub); H('no member id', m='', **sub); H('no rebalance timeout', SubscribedTopicNames=[b.name('t')], TopicPartitions=[]); H('no topics', RebalanceTimeoutMs=5000, TopicPartitions=[]); H('owned partitions at join', **dict(sub, TopicPartitions=[{'TopicId': '44' * 16, 'Partitions': [0]}])); H('unknown assignor', ServerAssignor='best', **sub)
    o = H('join', **sub); e = o['MemberEpoch']; tp = (o.get('Assignment') or {}).get('TopicPartitions', [])
    for i in range(40):
        if tp: break
        time.sleep(0.2); o = c.call('ConsumerGroupHeartbeat', 1, {'GroupId': g, 'MemberId': mid, 'MemberEpoch': e}); tp = (o.get('Assignment') or {}).get('TopicPartitions', []); e = o['MemberEpoch']
    b.note('assigned', sorted(p for t in tp for p in t['Partitions'])); H('acknowledge', e=e, TopicPartitions=tp); H('plain', e=e); H('epoch too new', e=e + 7); H('unknown member', m='CCCCCCCCCCCCCCCCCCCCCC', e=3); b.call(c, 'commit', 'OffsetCommit', 9, {'GroupId': g, 'GenerationIdOrMemberEpoch': e, 'MemberId': mid, 'Topics': [{'Name': b.name('t'), 'Partitions': [{'PartitionIndex': 0, 'CommittedOffset': 5}]}]}); b.call(c, 'commit, stale epoch', 'OffsetCommit', 9, {'GroupId': g, 'GenerationIdOrMemberEpoch': e - 1, 'MemberId': mid, 'Topics': [{'Name': b.name('t'), 'Partitions': [{'PartitionIndex': 0, 'CommittedOffset': 5}]}]}); b.call(c, 'fetch offsets', 'OffsetFetch', 9, {'Groups': [{'GroupId': g, 'MemberId': mid, 'MemberEpoch': e, 'Topics': [{'Name': b.name('t'), 'PartitionIndexes': [0]}]}]}); b.call(c, 'fetch offsets, stale', 'OffsetFetch', 9, {'Groups': [{'GroupId': g, 'MemberId': mid, 'MemberEpoch': e + 3, 'Topics': [{'Name': b.name('t'), 'PartitionIndexes': [0]}]}]})
    b.call(c, 'describe', 'ConsumerGroupDescribe', 1, {'GroupIds': [g, b.name('none')]}, view=lambda o: [{k: x for k, x in gg.items()} for gg in o['Groups']]); b.call(c, 'describe as classic', 'DescribeGroups', 6, {'Groups': [g]})
    o2 = H('second joins', m=mid2, **sub); time.sleep(0.3); o = c.call('ConsumerGroupHeartbeat', 1, {'GroupId': g, 'MemberId': mid, 'MemberEpoch': e}); b.note('first is asked to give two up', [o['ErrorCode'], sorted(len(t['Partitions']) for t in (o.get('Assignment') or {}).get('TopicPartitions', []))]); tp = (o.get('Assignment') or {}).get('TopicPartitions', []); o = H('first gave up', e=o['MemberEpoch'], TopicPartitions=tp)
    for i in range(20):
        o2 = c.call('ConsumerGroupHeartbeat', 1, {'GroupId': g, 'MemberId': mid2, 'MemberEpoch': o2['MemberEpoch']})
        if (o2.get('Assignment') or {}).get('TopicPartitions'): break
        time.sleep(0.2)
    b.note('second owns two', [o2['ErrorCode'], sorted(len(t['Partitions']) for t in (o2.get('Assignment') or {}).get('TopicPartitions', []))]); H('second leaves', m=mid2, e=-1); H('first leaves', e=-1); b.call(c, 'describe empty', 'ConsumerGroupDescribe', 1, {'GroupIds': [g]}); H('bad regex', SubscribedTopicRegex='a(', RebalanceTimeoutMs=5000, TopicPartitions=[]); b.call(c, 'delete', 'DeleteGroups', 2, {'GroupsNames': [g]})

@scenario
def security_is_off(b):
    c = b.conn()
    for v in b.versions('DescribeAcls'): b.call(c, 'acls', 'DescribeAcls', v, {'ResourceTypeFilter': 1, 'PatternTypeFilter': 1, 'Operation': 1, 'PermissionType': 1})
    b.call(c, 'create acl', 'CreateAcls', 3, {'Creations': [{'ResourceType': 2, 'ResourceName': 't', 'ResourcePatternType': 3, 'Principal': 'User:a', 'Host': '*', 'Operation': 3, 'PermissionType': 3}]}); b.call(c, 'delete acl', 'DeleteAcls', 3, {'Filters': [{'ResourceTypeFilter': 1, 'PatternTypeFilter': 1, 'Operation': 1, 'PermissionType': 1}]}); b.call(b.conn(), 'scram', 'DescribeUserScramCredentials', 0, {'Users': None}); b.call(b.conn(), 'quotas', 'DescribeClientQuotas', 1, {'Components': [], 'Strict': False}); b.call(b.conn(), 'tokens', 'DescribeDelegationToken', 3, {'Owners': None})
    for v in (0, 1): b.call(b.conn(), 'sasl on plaintext', 'SaslHandshake', v, {'Mechanism': 'PLAIN'})
    b.call(b.conn(), 'sasl bytes on plaintext', 'SaslAuthenticate', 2, {'AuthBytes': b'\0a\0b'})

@scenario
def single_node_admin(b):
    c = b.conn(); create(b, c, 't', 2)
    for v in b.versions('ElectLeaders'): b.call(c, 'elect', 'ElectLeaders', v, dict({'TopicPartitions': [{'Topic': b.name('t'), 'Partitions': [0, 9]}], 'TimeoutMs': 3000}, **({'ElectionType': 0} if v >= 1 else {})))
    b.call(c, 'reassignments', 'ListPartitionReassignments', 0, {'TimeoutMs': 3000, 'Topics': None}); b.call(c, 'reassign to itself', 'AlterPartitionReassignments', 1, {'TimeoutMs': 3000, 'Topics': [{'Name': b.name('t'), 'Partitions': [{'PartitionIndex': 0, 'Replicas': [1]}]}]}); b.call(c, 'reassign to a stranger', 'AlterPartitionReassignments', 1, {'TimeoutMs': 3000, 'Topics': [{'Name': b.name('t'), 'Partitions': [{'PartitionIndex': 0, 'Replicas': [5]}]}]}); b.call(c, 'cancel nothing', 'AlterPartitionReassignments', 1, {'TimeoutMs': 3000, 'Topics': [{'Name': b.name('t'), 'Partitions': [{'PartitionIndex': 0, 'Replicas': None}]}]})
    for rt in (2, 4, 8, 16, 32): b.call(b.conn(), f'config resources {rt}', 'ListConfigResources', 1, {'ResourceTypes': [rt]}, view=lambda o: [o['ErrorCode']])
    b.call(c, 'quorum', 'DescribeQuorum', 2, {'Topics': [{'TopicName': '__cluster_metadata', 'Partitions': [{'PartitionIndex': 0}]}]}, view=lambda o: o['ErrorCode']); b.call(c, 'unregister', 'UnregisterBroker', 0, {'BrokerId': 99}); b.call(b.conn(), 'transactions', 'ListTransactions', 2, {'StateFilters': [], 'ProducerIdFilters': []}, view=lambda o: o['ErrorCode']); b.call(b.conn(), 'unknown transaction', 'DescribeTransactions', 0, {'TransactionalIds': [b.name('none')]}); b.call(c, 'features nothing', 'UpdateFeatures', 2, {'timeoutMs': 1000, 'FeatureUpdates': [], 'ValidateOnly': True}); b.call(c, 'features unknown', 'UpdateFeatures', 2, {'timeoutMs': 1000, 'FeatureUpdates': [{'Feature': 'nope', 'MaxVersionLevel': 1, 'UpgradeType': 1}], 'ValidateOnly': True})

@scenario
def transactions(b):
    c = b.conn(); create(b, c, 't', 2); x = b.name('x')
    for _ in range(60):
        o = c.call('FindCoordinator', 4, {'KeyType': 1, 'CoordinatorKeys': [x]})
        if o['Coordinators'][0]['ErrorCode'] == 0: break
        time.sleep(0.1)
    for _ in range(60):
        o = c.call('InitProducerId', 4, {'TransactionalId': x, 'TransactionTimeoutMs': 30000, 'ProducerId': -1, 'ProducerEpoch': -1})
        if o['ErrorCode'] not in (14, 15, 16, 51): break
        time.sleep(0.1)
    b.note('id', o); pid, ep = o['ProducerId'], o['ProducerEpoch']
    b.call(c, 'timeout too long', 'InitProducerId', 4, {'TransactionalId': b.name('y'), 'TransactionTimeoutMs': 99_000_000, 'ProducerId': -1, 'ProducerEpoch': -1}); b.call(c, 'timeout zero', 'InitProducerId', 4, {'TransactionalId': b.name('y'), 'TransactionTimeoutMs': 0, 'ProducerId': -1, 'ProducerEpoch': -1})
    TB = lambda seq, e=None: REC(2, attrs=16, pid=pid, epoch=ep if e is None else e, seq=seq)
    def view(o): return o
    produce(b, c, 'old protocol, partition not added', 't', TB(0), v=11, txn=x); b.call(c, 'add', 'AddPartitionsToTxn', 3, {'V3AndBelowTransactionalId': x, 'V3AndBelowProducerId': pid, 'V3AndBelowProducerEpoch': ep, 'V3AndBelowTopics': [{'Name': b.name('t'), 'Partitions': [0]}]}); produce(b, c, 'write', 't', TB(0), v=11, txn=x); fetch(b, c, 'committed sees nothing', 't', 0, iso=1); fetch(b, c, 'uncommitted sees it', 't', 0, iso=0); listoffs(b, c, 'last stable', 't', -1, iso=1); listoffs(b, c, 'end', 't', -1)
    b.call(c, 'describe', 'DescribeTransactions', 0, {'TransactionalIds': [x]}, view=lambda o: [{k: v for k, v in t.items() if 'Time' not in k} for t in o['TransactionStates']]); b.call(c, 'commit, wrong epoch', 'EndTxn', 3, {'TransactionalId': x, 'ProducerId': pid, 'ProducerEpoch': ep + 3, 'Committed': True}); b.call(c, 'commit', 'EndTxn', 3, {'TransactionalId': x, 'ProducerId': pid, 'ProducerEpoch': ep, 'Committed': True}); time.sleep(0.5); fetch(b, c, 'now committed', 't', 0, iso=1)
    b.call(c, 'commit again', 'EndTxn', 3, {'TransactionalId': x, 'ProducerId': pid, 'ProducerEpoch': ep, 'Committed': True}); b.call(c, 'abort after commit', 'EndTxn', 3, {'TransactionalId': x, 'ProducerId': pid, 'ProducerEpoch': ep, 'Committed': False}); produce(b, c, 'new protocol adds by itself', 't', TB(2), v=12, txn=x); b.call(c, 'abort, new protocol', 'EndTxn', 5, {'TransactionalId': x, 'ProducerId': pid, 'ProducerEpoch': ep, 'Committed': False}); time.sleep(0.5); fetch(b, c, 'aborted range', 't', 0, iso=1); produce(b, c, 'old epoch is fenced', 't', TB(4), v=12, txn=x)
    b.call(c, 'offsets into a transaction', 'TxnOffsetCommit', 3, {'TransactionalId': x, 'GroupId': b.name('tg'), 'ProducerId': pid, 'ProducerEpoch': ep, 'Topics': [{'Name': b.name('t'), 'Partitions': [{'PartitionIndex': 0, 'CommittedOffset': 4, 'CommittedMetadata': ''}]}]})

@scenario
def hostile_frames(b):
    def out(c):
        try:
            d = c.s.recv(4096); return 'answer' if d else 'closed'
        except ConnectionError: return 'closed'
        except TimeoutError: return 'silent'
    i = lambda n: struct.pack('>i', n)
    for label, data in (('negative length', i(-1)), ('minimum length', i(-2**31)), ('zero length', i(0)), ('huge length', i(2**31 - 1) + b'x' * 10), ('over the limit', i(105_000_000)), ('http', b'GET / HTTP/1.1\r\n\r\n'), ('tls', bytes.fromhex('16030100a5010000a10303') + b'\0' * 200), ('unknown key', i(14) + struct.pack('>hhih', 999, 0, 1, 4) + b'diff'), ('negative key', i(14) + struct.pack('>hhih', -5, 0, 1, 4) + b'diff'), ('metadata, 4 bytes claiming 2^31-1 topics', i(18) + struct.pack('>hhih', 3, 1, 1, 4) + b'diff' + i(2**31 - 1)), ('metadata, negative array', i(18) + struct.pack('>hhih', 3, 1, 1, 4) + b'diff' + i(-2)), ('metadata, version 99', i(18) + struct.pack('>hhih', 3, 99, 1, 4) + b'diff' + i(0)), ('metadata, body missing', i(14) + struct.pack('>hhih', 3, 1, 1, 4) + b'diff'), ('metadata, trailing bytes', i(23) + struct.pack('>hhih', 3, 1, 1, 4) + b'diff' + i(0) + b'12345'), ('client id length beyond', i(14) + struct.pack('>hhih', 3, 1, 1, 400) + b'diff'), ('controlled shutdown key', i(14) + struct.pack('>hhih', 7, 3, 1, 4) + b'diff'), ('leader and isr key', i(14) + struct.pack('>hhih', 4, 1, 1, 4) + b'diff')):
        c = b.conn(timeout=3); c.raw(data); b.note(label, out(c))
    c = b.conn(); b.call(c, 'neighbour lives', 'Metadata', 1, {'Topics': []}, view=lambda o: 'alive')

@scenario
def pipelining_keeps_order(b):
    c = b.conn(); create(b, c, 't'); ids = []
    for k in range(20):
        ids.append(('Produce', 9, c.send('Produce', 9, {'Acks': -1, 'TimeoutMs': 5000, 'TopicData': [{'Name': b.name('t'), 'PartitionData': [{'Index': 0, 'Records': REC(1)}]}]}))); ids.append(('Metadata', 9, c.send('Metadata', 9, {'Topics': [{'Name': b.name('t')}]})))
    offs = []
    for api, v, n in ids:
        got, o = c.recv(api, v); assert got == n
        if api == 'Produce': offs.append(o['Responses'][0]['PartitionResponses'][0]['BaseOffset'])
    b.note('offsets in order', offs)
