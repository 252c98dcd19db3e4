"""Operations: from a spec to jobs, which are real subprocesses, and to published outputs."""
