# shellcheck shell=bash disable=SC1090
source <(weir completion bash)
