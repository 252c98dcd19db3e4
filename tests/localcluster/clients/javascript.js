// What a user of the JavaScript client does, against the proxy given; prints the outcomes as one JSON map.
const [proxy, folder, token] = process.argv.slice(2);
const yt = require('@ytsaurus/javascript-wrapper')();

yt.setup.setGlobalOption('proxy', proxy);
yt.setup.setGlobalOption('secure', false);
if (token) {
    yt.setup.setGlobalOption('authentication', {type: 'oauth', token});
}

const plain = {$value: 'json', $attributes: {encode_utf8: 'false'}};
const rows = [{name: 'first', number: 1, list: [true, null]}, {name: 'second', number: 2.5, list: []}];

async function main() {
    const {v3, v4} = yt;
    const seen = {};
    seen.created = await v4.create({type: 'table', path: `${folder}/table`, attributes: {mine: 7}});
    await v4.set({path: `${folder}/@words`, input_format: plain}, {greeting: 'привет'});
    seen.words = await v4.get({path: `${folder}/@words`, output_format: plain});
    seen.bytes = await v4.get({path: `${folder}/@words/greeting`});
    seen.listed = await v4.list({path: folder, attributes: ['type', 'mine']});
    seen.exists = [await v4.exists({path: `${folder}/table`}), await v4.exists({path: `${folder}/no`})];
    seen.written = await v4.writeTable({path: `${folder}/table`}, rows);
    seen.read = await v4.readTable({path: `${folder}/table[#1:]`});
    seen.count = await v3.get({path: `${folder}/table/@row_count`});

    const transaction = await v3.startTransaction({timeout: 60000});
    const inside = {transaction_id: transaction};
    await v3.create({type: 'map_node', path: `${folder}/inner`, ...inside});
    seen.lock = typeof (await v3.lock({path: `${folder}/inner`, mode: 'exclusive', ...inside}));
    seen.outside = await v3.exists({path: `${folder}/inner`});
    await v3.commitTransaction(inside);
    seen.committed = (await v3.list({path: folder})).sort();

    await v4.copy({source_path: `${folder}/table`, destination_path: `${folder}/copy`});
    await v4.remove({path: `${folder}/table`});
    const batch = await v4.executeBatch({
        requests: [
            {command: 'exists', parameters: {path: `${folder}/table`}},
            {command: 'get', parameters: {path: `${folder}/no`}},
        ],
    });
    seen.batch = batch.results.map(({output, error}) => output ?? error.code);
    seen.error = await v4.get({path: `${folder}/no`}).catch((error) => error);
    seen.alias = await v4.startTransaction({}).catch((error) => error.message);
    console.log(JSON.stringify(seen));
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
