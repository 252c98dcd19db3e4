"""What runs inside jobs: callables over rows, to import into any map operation.

A mapper is a generator that can be called with plain dictionaries. Jobs import only what a mapper's
module imports at its top, so that the client ships it; engines and decoders come from the job's image.
Inside a job standard output is data: mappers log to standard error.
"""
