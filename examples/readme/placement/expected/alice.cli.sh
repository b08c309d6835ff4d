# swarmgen 0.1.0, config sha256:68f8e74a4c1a5fe968b0e0788a84dac0ca0f41b087a97e6f811731ba0aa878f1
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
