"""LightGBM's parameters by name: those a protocol may set, and those that Pulse sets itself.

A copy of the library's own table (4.7), so that a protocol can be checked without importing it; a test holds the
two together. A misspelled parameter would do nothing in LightGBM but warn.
"""

from __future__ import annotations

_BY_TASK = "The task and target.values say it."
_SEED = "Use training.seed."
_ROUNDS = "Use training.rounds and training.early_stopping."
_MONOTONE = "Use training.monotone, by the names of features."
_WEIGHTS = "Use training.weights."
_THREADS = "Use training.resources.cpu."
_WORKERS = "Use training.resources.workers."
_METRICS = "Use training.metrics."
_DATA = "The source, the features and the target say it."
_FILES = "Models are written and read by the pipeline alone."
_PREDICTION = "Predictions are made by the runtime."
_REPRODUCIBLE = "Pulse trains reproducibly and reports progress itself."
_DEVICE = "Training runs on the processor: the same trees on every machine."
_RANKING = "There is no ranking task."
# With it LightGBM (4.7) writes beyond its memory where evaluated rows come a chunk at a time.
_LINEAR = "Rows are read a chunk at a time, which LightGBM's linear trees are not made for."

OWNED: dict[str, str] = {
    "objective": _BY_TASK,
    "num_class": _BY_TASK,
    "seed": _SEED,
    "data_random_seed": _SEED,
    "feature_fraction_seed": _SEED,
    "bagging_seed": _SEED,
    "extra_seed": _SEED,
    "drop_seed": _SEED,
    "objective_seed": _SEED,
    "num_iterations": _ROUNDS,
    "early_stopping_round": _ROUNDS,
    "early_stopping_min_delta": _ROUNDS,
    "first_metric_only": _ROUNDS,
    "num_threads": _THREADS,
    "machines": _WORKERS,
    "num_machines": _WORKERS,
    "machine_list_filename": _WORKERS,
    "local_listen_port": _WORKERS,
    "time_out": _WORKERS,
    "tree_learner": _WORKERS,
    "top_k": _WORKERS,
    "pre_partition": _WORKERS,
    "metric": _METRICS,
    "metric_freq": _METRICS,
    "is_provide_training_metric": _METRICS,
    "eval_at": _METRICS,
    "auc_mu_weights": _METRICS,
    "multi_error_top_k": _METRICS,
    "data": _DATA,
    "valid": _DATA,
    "header": _DATA,
    "label_column": _DATA,
    "weight_column": _WEIGHTS,
    "is_unbalance": _WEIGHTS,
    "monotone_constraints": _MONOTONE,
    "group_column": _DATA,
    "ignore_column": _DATA,
    "categorical_feature": _DATA,
    "two_round": _DATA,
    "save_binary": _DATA,
    "parser_config_file": _DATA,
    "forcedbins_filename": _DATA,
    "forcedsplits_filename": _DATA,
    "precise_float_parser": _DATA,
    "task": _FILES,
    "config": _FILES,
    "input_model": _FILES,
    "output_model": _FILES,
    "output_result": _FILES,
    "snapshot_freq": _FILES,
    "convert_model": _FILES,
    "convert_model_language": _FILES,
    "saved_feature_importance_type": _FILES,
    "start_iteration_predict": _PREDICTION,
    "num_iteration_predict": _PREDICTION,
    "predict_raw_score": _PREDICTION,
    "predict_leaf_index": _PREDICTION,
    "predict_contrib": _PREDICTION,
    "predict_disable_shape_check": _PREDICTION,
    "pred_early_stop": _PREDICTION,
    "pred_early_stop_freq": _PREDICTION,
    "pred_early_stop_margin": _PREDICTION,
    "deterministic": _REPRODUCIBLE,
    "verbosity": _REPRODUCIBLE,
    "device_type": _DEVICE,
    "gpu_platform_id": _DEVICE,
    "gpu_device_id": _DEVICE,
    "gpu_device_id_list": _DEVICE,
    "gpu_use_dp": _DEVICE,
    "num_gpu": _DEVICE,
    "lambdarank_truncation_level": _RANKING,
    "lambdarank_norm": _RANKING,
    "lambdarank_position_bias_regularization": _RANKING,
    "label_gain": _RANKING,
    "linear_tree": _LINEAR,
    "linear_lambda": _LINEAR,
    "bagging_by_query": _RANKING,
}

# Every other name of a parameter, by its first name.
_ALIASES: dict[str, str] = {
    "bagging_fraction": "bagging sub_row subsample",
    "bagging_freq": "subsample_freq",
    "bagging_seed": "bagging_fraction_seed",
    "bin_construct_sample_cnt": "subsample_for_bin",
    "boosting": "boost boosting_type",
    "categorical_feature": "cat_column cat_feature categorical_column categorical_features",
    "config": "config_file",
    "convert_model": "convert_model_file",
    "data": "data_filename train train_data train_data_file",
    "data_random_seed": "data_seed",
    "device_type": "device",
    "drop_rate": "rate_drop",
    "early_stopping_round": "early_stopping early_stopping_rounds n_iter_no_change",
    "enable_bundle": "bundle is_enable_bundle",
    "eval_at": "map_at map_eval_at ndcg_at ndcg_eval_at",
    "extra_trees": "extra_tree",
    "feature_contri": "fc feature_contrib feature_penalty fp",
    "feature_fraction": "colsample_bytree sub_feature",
    "feature_fraction_bynode": "colsample_bynode sub_feature_bynode",
    "forcedsplits_filename": "forced_splits forced_splits_file forced_splits_filename fs",
    "group_column": "group group_id query query_column query_id",
    "header": "has_header",
    "histogram_pool_size": "hist_pool_size",
    "ignore_column": "blacklist ignore_feature",
    "input_model": "model_in model_input",
    "is_enable_sparse": "enable_sparse is_sparse sparse",
    "is_provide_training_metric": "is_training_metric train_metric training_metric",
    "is_unbalance": "unbalance unbalanced_sets",
    "label_column": "label",
    "lambda_l1": "l1_regularization reg_alpha",
    "lambda_l2": "l2_regularization lambda reg_lambda",
    "learning_rate": "eta shrinkage_rate",
    "linear_tree": "linear_trees",
    "local_listen_port": "local_port port",
    "machine_list_filename": "machine_list machine_list_file mlist",
    "machines": "nodes workers",
    "max_bin": "max_bins",
    "max_delta_step": "max_leaf_output max_tree_output",
    "metric": "metric_types metrics",
    "metric_freq": "output_freq",
    "min_data_in_leaf": "min_child_samples min_data min_data_per_leaf min_samples_leaf",
    "min_gain_to_split": "min_split_gain",
    "min_sum_hessian_in_leaf": "min_child_weight min_hessian min_sum_hessian min_sum_hessian_per_leaf",
    "monotone_constraints": "mc monotone_constraint monotonic_cst",
    "monotone_constraints_method": "mc_method monotone_constraining_method",
    "monotone_penalty": "mc_penalty monotone_splits_penalty ms_penalty",
    "neg_bagging_fraction": "neg_bagging neg_sub_row neg_subsample",
    "num_class": "num_classes",
    "num_iterations": (
        "max_iter n_estimators n_iter nrounds num_boost_round num_iteration num_round num_rounds num_tree "
        "num_trees"
    ),
    "num_leaves": "max_leaf max_leaf_nodes max_leaves num_leaf",
    "num_machines": "num_machine",
    "num_threads": "n_jobs nthread nthreads num_thread",
    "objective": "app application loss objective_type",
    "output_model": "model_out model_output",
    "output_result": "name_pred pred_name predict_name predict_result prediction_name prediction_result",
    "pos_bagging_fraction": "pos_bagging pos_sub_row pos_subsample",
    "pre_partition": "is_pre_partition",
    "predict_contrib": "contrib is_predict_contrib",
    "predict_leaf_index": "is_predict_leaf_index leaf_index",
    "predict_raw_score": "is_predict_raw_score predict_rawscore raw_score",
    "save_binary": "is_save_binary is_save_binary_file",
    "seed": "random_seed random_state",
    "snapshot_freq": "save_period",
    "task": "task_type",
    "top_k": "topk",
    "tree_learner": "tree tree_learner_type tree_type",
    "two_round": "two_round_loading use_two_round_loading",
    "valid": "test test_data test_data_file valid_data valid_data_file valid_filenames",
    "verbosity": "verbose",
    "weight_column": "weight",
}

# fmt: off
TUNABLE = frozenset({
    "alpha", "bagging_fraction", "bagging_freq", "bin_construct_sample_cnt", "boost_from_average",
    "boosting", "cat_l2", "cat_smooth", "cegb_penalty_feature_coupled", "cegb_penalty_feature_lazy",
    "cegb_penalty_split", "cegb_tradeoff", "data_sample_strategy", "drop_rate", "enable_bundle",
    "extra_trees", "fair_c", "feature_contri", "feature_fraction", "feature_fraction_bynode",
    "feature_pre_filter", "force_col_wise", "force_row_wise", "histogram_pool_size",
    "interaction_constraints", "is_enable_sparse", "lambda_l1", "lambda_l2",
    "learning_rate", "max_bin", "max_bin_by_feature", "max_cat_threshold",
    "max_cat_to_onehot", "max_delta_step", "max_depth", "max_drop", "min_data_in_bin", "min_data_in_leaf",
    "min_data_per_group", "min_gain_to_split", "min_sum_hessian_in_leaf",
    "monotone_constraints_method", "monotone_penalty", "neg_bagging_fraction", "num_grad_quant_bins",
    "num_leaves", "other_rate", "path_smooth", "poisson_max_delta_step", "pos_bagging_fraction",
    "quant_train_renew_leaf", "refit_decay_rate", "reg_sqrt", "scale_pos_weight", "sigmoid", "skip_drop",
    "stochastic_rounding", "top_rate", "tweedie_variance_power", "uniform_drop", "use_missing",
    "use_quantized_grad", "xgboost_dart_mode", "zero_as_missing",
})
# fmt: on
# Those that take whole numbers.
INTEGERS = frozenset(
    {
        "bagging_freq",
        "bin_construct_sample_cnt",
        "max_bin",
        "max_cat_threshold",
        "max_cat_to_onehot",
        "max_depth",
        "max_drop",
        "min_data_in_bin",
        "min_data_in_leaf",
        "min_data_per_group",
        "num_grad_quant_bins",
        "num_leaves",
    }
)  # fmt: skip
# Those that are words or truth values, or lists: they can be searched by ``values`` alone.
CHOICES = frozenset({
    "boost_from_average", "boosting", "cegb_penalty_feature_coupled", "cegb_penalty_feature_lazy",
    "data_sample_strategy", "enable_bundle", "extra_trees", "feature_contri", "feature_pre_filter", "force_col_wise",
    "force_row_wise", "interaction_constraints", "is_enable_sparse", "max_bin_by_feature",
    "monotone_constraints_method", "quant_train_renew_leaf", "reg_sqrt", "stochastic_rounding", "uniform_drop",
    "use_missing", "use_quantized_grad", "xgboost_dart_mode", "zero_as_missing",
})  # fmt: skip
_FIRST_NAMES = {
    **{name: name for name in (*OWNED, *TUNABLE)},
    **{alias: name for name, aliases in _ALIASES.items() for alias in aliases.split()},
}


def resolve(name: str) -> str | None:
    """The first name of a parameter, whichever of its names is given; None for an unknown one."""
    return _FIRST_NAMES.get(name)
