"""Names of the options a map operation may have, by scope.

A scope is the path of a map in the spec; ``*`` stands for any name or any entry of a list. Maps that are not
named here, such as ``mapper.environment``, may hold anything.

Source: YTsaurus documentation, "operations-options", "map", "automerge", and the option lists of its server
(scheduler and table client configuration).
"""

from __future__ import annotations

_ROOT = """
    title alias annotations description started_by acl aco_name owners
    pool pool_trees scheduling_options_per_pool_tree fair_share_options_per_pool_tree schedule_in_single_tree
    tentative_pool_trees probing_pool_tree weight resource_limits scheduling_tag_filter
    time_limit time_limit_job_fail_timeout waiting_job_timeout preemption_mode
    max_failed_job_count fail_on_job_restart suspend_on_job_failure ban_nodes_with_failed_jobs
    ignore_job_failures_at_banned_nodes suspend_operation_if_account_limit_exceeded
    max_stderr_count max_core_info_count stderr_table_path core_table_path enable_cuda_gpu_core_dump
    secure_vault issue_temporary_token temporary_token_environment_variable_name
    max_speculative_job_count_per_task max_probing_job_count_per_task try_avoid_duplicating_jobs
    job_speculation_timeout enable_job_splitting job_splitter
    input_table_paths output_table_paths input_query input_schema omit_inaccessible_columns
    use_columnar_statistics input_table_columnar_statistics unavailable_chunk_strategy
    unavailable_chunk_tactics
    job_count max_job_count data_weight_per_job data_size_per_job max_data_weight_per_job
    max_data_slices_per_job batch_row_count ordered force_job_size_adjuster force_allow_job_interruption
    locality_timeout enable_prefetching_job_throttler
    mapper job_io auto_merge
    intermediate_data_account intermediate_compression_codec debug_artifacts_account job_node_account
    job_proxy_memory_overcommit_limit profilers job_experiment cuda_profiler_layer_path
    default_base_layer_path additional_security_tags network_project
"""

_USER_JOB = """
    command title task_title environment extra_environment file_paths layer_paths docker_image
    format input_format output_format
    cpu_limit set_container_cpu_limit gpu_limit port_count network_project
    memory_limit memory_reserve_factor user_job_memory_digest_default_value
    user_job_memory_digest_lower_bound user_job_resource_overdraft_memory_multiplier
    job_proxy_memory_digest include_memory_mapped_files
    tmpfs_path tmpfs_size tmpfs_volumes copy_files disk_request disk_space_limit inode_limit
    job_time_limit exec_time_limit prepare_time_limit job_speculation_timeout
    max_stderr_size custom_statistics_count_limit check_input_fully_consumed redirect_stdout_to_stderr
    use_yamr_descriptors fail_on_job_restart fail_job_on_core_dump deterministic
    interruption_signal signal_root_process_only restart_exit_code
    make_rootfs_writable enable_porto enable_fuse enable_gpu_layers cuda_toolkit_version
    gpu_check_layer_name gpu_check_binary_path gpu_check_binary_args
    enable_rpc_proxy_in_job_proxy monitoring volumes job_volume_mounts sidecars job_shells
    job_binary_local_path job_binary_md5 job_binary_cypress_path job_binary_transaction_id
"""
"""With those that the YT client takes out before it submits (``job_binary_...``)."""

_TABLE_READER = """
    sampling_rate sampling_seed sampling_mode window_size group_size max_buffer_size max_parallel_readers
    workload_descriptor unavailable_chunk_strategy
"""

_TABLE_WRITER = """
    max_row_weight max_key_weight block_size desired_chunk_size desired_chunk_weight max_buffer_size
    upload_replication_factor min_upload_replication_factor sample_rate window_size group_size
    prefer_local_host sync_on_close enable_skynet_sharing workload_descriptor compression_codec
"""

_RESOURCE_LIMITS = "user_slots cpu memory gpu network user_memory"

OPTIONS: dict[str, frozenset[str]] = {
    scope: frozenset(names.split())
    for scope, names in {
        "": _ROOT,
        "mapper": _USER_JOB,
        "mapper.tmpfs_volumes.*": "path size",
        "mapper.disk_request": "disk_space inode_count medium_name account type nbd_disk",
        "mapper.monitoring": "enable sensor_names job_descriptor request_gpu_monitoring",
        "job_io": """
            table_writer table_reader file_writer file_reader control_attributes pipe_capacity
            buffer_row_count error_file_writer block_cache
        """,
        "job_io.table_writer": _TABLE_WRITER,
        "job_io.table_reader": _TABLE_READER,
        "job_io.control_attributes": """
            enable_row_index enable_table_index enable_range_index enable_key_switch enable_tablet_index
        """,
        "resource_limits": _RESOURCE_LIMITS,
        "scheduling_options_per_pool_tree.*": """
            pool weight resource_limits max_share_ratio min_share_resources
            enable_detailed_logs preemption_mode tentative
        """,
        "scheduling_options_per_pool_tree.*.resource_limits": _RESOURCE_LIMITS,
        "auto_merge": """
            mode max_intermediate_chunk_count chunk_count_per_merge_job chunk_size_threshold
            enable_shallow_merge allow_unknown_extensions shallow_merge_min_data_weight_per_chunk
            single_chunk_teleport_strategy job_io use_intermediate_data_account
        """,
        "job_splitter": "enable_job_splitting enable_job_speculation",
    }.items()
}
"""Known names by scope."""

MILLISECONDS = (
    "time_limit",
    "time_limit_job_fail_timeout",
    "waiting_job_timeout",
    "job_speculation_timeout",
    "mapper.job_time_limit",
    "mapper.exec_time_limit",
    "mapper.prepare_time_limit",
    "mapper.job_speculation_timeout",
)
"""Durations: plain numbers of milliseconds."""

BOUNDS: dict[str, tuple[float, float]] = {
    "max_failed_job_count": (0, 10_000),
    "max_stderr_count": (0, 150),
    "max_core_info_count": (0, 150),
    "mapper.max_stderr_size": (0, 2**30),
    "mapper.custom_statistics_count_limit": (0, 1024),
    "mapper.port_count": (0, 50),
    "mapper.gpu_limit": (0, float("inf")),
    "mapper.cpu_limit": (0, float("inf")),
    "job_io.pipe_capacity": (0, 64 * 1024),
    "job_io.table_writer.max_key_weight": (0, 256 * 1024),
    "job_io.table_writer.sample_rate": (0, 0.001),
    "resource_limits.user_slots": (1, float("inf")),
}
"""The least and the most a cluster takes."""
