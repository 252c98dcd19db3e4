"""Names a spec may hold. What is not here is kept and reported as `unrecognized_spec`, never an error."""

from __future__ import annotations

from typing import Any

ROOT = frozenset(
    """
    pool pool_trees scheduling_options_per_pool_tree fair_share_options_per_pool_tree schedule_in_single_tree
    tentative_pool_trees weight resource_limits scheduling_tag_filter time_limit time_limit_job_fail_timeout
    max_failed_job_count fail_on_job_restart max_stderr_count max_core_info_count stderr_table_path
    stderr_table_writer stderr_table_writer_config core_table_writer core_table_writer_config
    core_table_path enable_cuda_gpu_core_dump title alias annotations description started_by secure_vault
    issue_temporary_token temporary_token_environment_variable_name max_speculative_job_count_per_task
    max_probing_job_count_per_task try_avoid_duplicating_jobs job_speculation_timeout enable_job_splitting
    job_splitter preemption_mode suspend_operation_if_account_limit_exceeded suspend_on_job_failure
    ban_nodes_with_failed_jobs ignore_job_failures_at_banned_nodes waiting_job_timeout batch_row_count
    use_columnar_statistics input_table_columnar_statistics input_query input_schema
    omit_inaccessible_columns omit_inaccessible_rows unavailable_chunk_strategy unavailable_chunk_tactics
    max_data_weight_per_job debug_artifacts_account job_node_account acl aco_name profilers job_experiment
    cuda_profiler_layer_path default_base_layer_path is_gang gang_options
    job_count data_weight_per_job data_size_per_job max_job_count max_data_slices_per_job
    max_data_size_per_job ordered force_job_size_adjuster force_allow_job_interruption locality_timeout
    input_table_paths output_table_paths mapper job_io auto_merge owners suspicious_jobs
    intermediate_data_account intermediate_compression_codec erase_output enable_compressed_data_size
    job_proxy_memory_overcommit_limit check_multichunk_files table_writer tasks
    min_share_resources max_share_ratio update_preemptable_jobs test_node_filter testing
    additional_security_tags fail_fast iops_threshold network_project enable_prefetching_job_throttler
    """.split()
)
MERGE = frozenset(
    """
    input_table_paths output_table_path mode merge_by combine_chunks force_transform schema_inference_mode
    """.split()
)
KEYED = frozenset(
    """
    input_table_paths output_table_path output_table_paths table_path sort_by reduce_by join_by pivot_keys
    reducer reduce_combiner force_reduce_combiners enable_key_guarantee consider_only_primary_size
    validate_key_column_types mapper_output_table_count map_job_count data_weight_per_map_job
    data_size_per_map_job map_selectivity_factor partition_count partition_data_weight partition_data_size
    partition_job_count data_weight_per_partition_job data_size_per_partition_job data_weight_per_reduce_job
    data_size_per_reduce_job data_weight_per_sort_job data_size_per_sort_job data_weight_per_sorted_merge_job
    data_size_per_sorted_merge_job enable_table_index_if_has_trivial_mapper slice_foreign_chunks
    foreign_table_lookup_keys_threshold max_partition_factor shuffle_start_threshold merge_start_threshold
    use_new_sorted_pool samples_per_partition sort_locality_timeout intermediate_data_acl
    intermediate_data_medium intermediate_data_replication_factor partition_job_io sort_job_io merge_job_io
    map_job_io reduce_job_io combine_chunks schema_inference_mode enable_partitioned_data_balancing
    """.split()
)
USER_JOB = frozenset(
    """
    command cpu_limit gpu_limit port_count memory_limit memory_reserve_factor
    user_job_memory_digest_default_value user_job_memory_digest_lower_bound
    user_job_resource_overdraft_memory_multiplier job_proxy_memory_digest
    job_proxy_memory_digest_default_value include_memory_mapped_files tmpfs_path tmpfs_size tmpfs_volumes
    copy_files disk_request disk_space_limit inode_limit job_time_limit exec_time_limit prepare_time_limit
    max_stderr_size custom_statistics_count_limit check_input_fully_consumed redirect_stdout_to_stderr
    environment extra_environment file_paths layer_paths docker_image make_rootfs_writable enable_gpu_layers
    cuda_toolkit_version gpu_check_layer_name gpu_check_binary_path gpu_check_binary_args network_project
    enable_porto enable_fuse fail_job_on_core_dump enable_rpc_proxy_in_job_proxy monitoring input_format
    output_format format use_yamr_descriptors enable_input_table_index restart_exit_code interruption_signal
    signal_root_process_only job_speculation_timeout volumes job_volume_mounts sidecars task_title
    set_container_cpu_limit deterministic memory_limit_per_job fail_on_job_restart job_shells
    """.split()
)
TASK = frozenset(
    """
    job_count output_table_paths restart_completed_jobs job_io gang_options title
    """.split()
)
JOB_IO = frozenset(
    """
    table_writer table_reader file_writer file_reader control_attributes pipe_capacity buffer_row_count
    pipe_io_pool_size error_file_writer block_cache enable_rpc_block_api use_adaptive_buffer_row_count
    job_writer_config pooling_period
    """.split()
)


WITHOUT_EFFECT = (
    "auto_merge",
    "batch_row_count",
    "is_gang",
    "gang_options",
    "sidecars",
    "volumes",
    "job_volume_mounts",
    "disk_request",
)
"""Known and accepted, but people may count on what they do: named in an alert."""


def _unknown(spec: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key not in known}


def unrecognized(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    """The part of a spec nobody understood, nested as in the spec."""
    more = {"merge": MERGE, "map": frozenset[str](), "vanilla": frozenset[str]()}
    found = _unknown(spec, ROOT | more.get(kind, KEYED))
    parts: list[tuple[str, frozenset[str]]] = [
        *((name, USER_JOB | {"output_streams"}) for name in ("mapper", "reducer", "reduce_combiner")),
        *((f"{name}job_io", JOB_IO) for name in ("", "map_", "partition_", "sort_", "merge_", "reduce_")),
    ]
    for key, known in parts:
        inner = _unknown(spec.get(key) or {}, known)
        if inner and key not in found:
            found[key] = inner
    tasks = {}
    for name, task in (spec.get("tasks") or {}).items():
        inner = _unknown(task, USER_JOB | TASK)
        nested = _unknown(task.get("job_io") or {}, JOB_IO)
        if nested:
            inner["job_io"] = nested
        if inner:
            tasks[name] = inner
    if tasks:
        found["tasks"] = tasks
    return found
