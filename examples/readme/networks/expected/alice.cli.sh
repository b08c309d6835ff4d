# swarmgen 0.1.0, config sha256:6e22221a85238bc32ea0303c794d5ad1adcd182de91cc63888bf83b445dc9b90
docker service create \
  --name jupyter-2bd806c97f0e00af1a1fc3328fa763a9-1 \
  --replicas 1 \
  --label swarmgen.deployment=jupyter \
  --label swarmgen.server= \
  --label swarmgen.user=alice \
  --container-label 'image_name=Minimal python notebook' \
  --network name=mynetwork \
  --endpoint-mode dnsrr \
  jupyter/base-notebook:30f16d52126f
