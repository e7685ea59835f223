"""Turn a cleaned corpus into a published dataset that anyone can load, check and cite.

Read the package in this order, floor by floor; no module imports one that comes after it.

words        what all the others talk about
    errors       every failure we raise on purpose: what, where, how to fix it
    records      the words used for rows: kept, removed, and why
    strict_json  JSON text -> its value, or the reason why it has none
    vocabulary   what a name, a size, a day or a licence may be
    hub          the words that the Hub knows in a card
    dataset      what a dataset is called, who made it, where it comes from
    licenses     a licence -> its name elsewhere, its text, and what it asks for
    splits       how rows come to their splits, as a recipe says it
    mistakes     what is wrong in a recipe -> problems with their place and what to do
    repeats      what the recipe says of rows that repeat
    recipe       recipe.toml as typed, frozen values
    fields       one column, read as Arrow, Hub feature and prose
    shape        a JSON Schema -> its columns
    schema       the file of a JSON Schema -> the shape and the rules of a table
    tables       a recipe and its schemas, held against each other
    engine       run a function over many items, results in the order of the items

sources      files of text -> batches of rows: parallel and pure
    conform      a JSON value <-> the exact type of its column
    blocks       many lines at once -> rows, where that is surely right
    globs        a glob of a recipe -> the paths that it matches, and why some of them are no input
    partitions   the sources of a recipe -> the units of parallel work
    streams      a file -> its bytes as they were before compression
    encodings    text in any encoding -> UTF-8
    lines        JSON Lines -> rows
    separated    CSV text -> records, each with the place where it begins
    workbook     a sheet of a workbook -> its rows, cell by cell, as if it were CSV
    cells        CSV, TSV and sheets of workbooks -> rows, typed by the schema
    elements     the text of a JSON array -> its elements
    array        a JSON array -> rows
    documents    a text or Markdown file -> one row

columnar     files of columns -> batches of rows: parallel and pure
    values       a value of Arrow -> its JSON value
    casts        a column of any type -> the exact type of the schema, where that is surely right
    headers      the columns of a file, held against the schema and against other files
    portions     batches of any size -> batches that are small
    footers      the footer of a Parquet file, read before Arrow sees it
    messages     the messages of an Arrow file, weighed before they are read
    batches      Parquet and Arrow files -> their batches, or a clear reason why there are none
    columns      Parquet and Arrow files -> rows

record       one record at a time: parallel and pure
    read         a partition -> batches of rows, whatever the format
    clean        text -> the same text, normalised
    judge        one record -> what is wrong with it, if anything is
    rules        a keyword and a column -> the rows that may break it
    suspects     columns -> the rows that need a closer look
    validate     rows -> rows that the JSON Schema accepts
    content      rows -> bytes that stand for their content, and the digests of them
    withdrawn    rows that are withdrawn on request -> gone, before anything is made of them
    personal     texts -> how many of them hold personal data that has a form
    tokens       text -> its tokens, by which near-duplicates are told
    sketch       columns of texts -> what near-duplicates are found by
    held_out     texts that are held out, and rows -> which rows have seen one of them
    fingerprint  rows -> the few bytes that the steps on the whole corpus need

corpus       the whole corpus, from fingerprints alone
    keys         digests -> which of them are the same
    overlap      texts and their splits -> what stands in two splits
    near         fingerprints -> which texts are the same, or nearly
    links        links between near-duplicates -> what they connect, and all pairs of it
    dedup        fingerprints -> which rows stay, and which belong together
    split        clusters -> train, validation, test
    leaks        splits -> the proof that nothing leaks between them, or what does

files        one file at a time, the folder that they stand in, and its seal
    profile      a column -> how many values it has, how many differ, how far they reach
    stats        Parquet files -> what is in them
    paths        the paths of a release -> what they may be, and what may stand there
    manifest     what is known about a release, as manifest.json says it
    workspace    the folder under construction, hidden until it is verified
    stage        the rows of one partition -> files in the workspace, and a receipt that they are whole
    receipts     all that a part depends on beside its sources -> one digest
    advice       a rejected row -> what to do about it
    books        what became of every record: the ledger, and the removed rows
    shards       rows -> Parquet files of even size
    seal         what was built -> its manifest, and the two files that seal it

papers       what is said about a release, computed from its files
    markdown     text and numbers -> Markdown that shows them
    facts        all that the papers of a release draw on
    statistics   what was measured -> statistics.json, and in words
    pictures     what is known about a release -> the pictures that show it
    changes      versions of a dataset, and what changed between them -> Markdown
    dictionary   fields and coded values -> Markdown
    leakage      what was looked for, and found -> Markdown
    regions      what is known about a release -> Markdown, region by region
    sections     the card -> what people wrote, by the question that it answers
    matter       a card -> its front matter as nodes of YAML, and what is wrong with it as YAML
    features     the features of a card -> what keeps `datasets` from reading them
    configs      the configs of a card -> what keeps `datasets` from loading them
    lint         a card -> all that is wrong in its front matter, by the rules of the Hub
    card         regions and prose -> the card of the release
    citation     what is known about a release -> CITATION.cff and LICENSE
    sheets       a release -> the same rows as CSV
    croissant    what is known about a release -> croissant.json
    graph        a croissant.json -> its nodes, by their ids
    record_sets  the record sets of a croissant.json -> what keeps readers from their rows
    conformance  a croissant.json -> all that is wrong with it, by the standard
    datapackage  what is known about a release -> datapackage.json
    plots        pictures -> SVG
    preview      what is known about a release -> index.html, a page that shows it
    whole        what is known about a release -> all its papers

start        records that someone has -> a dataset repository
    untyped      a file -> its records as they stand there, before there is a schema
    seen         the values of a property -> what all of them have in common
    draft        records -> the draft of a JSON Schema that accepts all of them
    identity     records -> the properties that tell them apart
    found        files -> what is in them
    numbered     a source -> a copy of it in which the records are numbered
    new          answers -> the files of a dataset repository

gates        what must not be published
    secrets      bytes -> the secrets in them, never shown whole
    scan         a release -> what stands in it that should not be public

remote       places elsewhere, where a release is published and from where it is taken back
    address      what people write for a place -> which kind it is, and where
    sealed       a folder -> the release in it, as it is sent and compared
    trying       something that may not be known to be done -> it is done, or it is clear why not
    client       the client of the Hub, and what its errors mean
    hub          a release -> one commit of a dataset repository on the Hub, and its tag
    store        a release -> objects of a store, its manifest the last
    directory    a release -> a copy of it in a folder
    places       an address -> the place to publish to
    fetch        a place -> the files of the release there, each to its end

reader       what people do with a release
    watch        what is being read of a release, told to who watches over it
    rows         the rows of a release, judged one by one
    torn         the splits of a release -> what stands in two of them
    claims       the papers of a release -> what they say that its files do not bear out
    verify       a folder -> the list of what is wrong with it
    confined     verify, in a process that may fail
    edition      a release in its folder -> its rows, and what they are known by
    diff         two releases -> what became of each row between them
    versions     what differs between two releases -> the version that the new one should have
    history      the version before -> what changed since, as manifest and card tell it
    drift        a fresh build beside the release that stands
    interrupts   a signal that asks the process to end -> one line, and an exit code
    progress     an engine that is watched
    sample       the first rows of each source -> what a build would refuse
    inspect      a card or a croissant.json -> what is wrong with it
    story        the build that was installed with this package
    publish      a release -> a public dataset, or what would become of it
    trace        an id -> where its row stands and how it came there, or why it was removed
    get          a published release -> a folder with it, verified while it comes
    commands     publish, get, scan and trace, on the command line
    new_command  questions and their answers, on a terminal or by options
    cli          the door: arguments, messages, exit codes
"""

__version__ = "0.1.0"
