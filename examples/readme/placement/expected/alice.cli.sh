# swarmgen 0.1.0, config sha256:e0315885cb3ac88a43f42681cd053acec95625db9344e58ac04a641feada00d6
docker service create \
  --name jupyter-2bd806c97f0e00af1a1fc3328fa763a9-1 \
  --replicas 1 \
  --label swarmgen.deployment=jupyter \
  --label swarmgen.server= \
  --label swarmgen.user=alice \
  --container-label 'image_name=Minimal python notebook' \
  --constraint node.hostname==worker1 \
  --placement-pref spread=node.labels.datacenter \
  --endpoint-mode dnsrr \
  jupyter/base-notebook:30f16d52126f
