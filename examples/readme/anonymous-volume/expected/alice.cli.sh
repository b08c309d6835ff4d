# swarmgen 0.1.0, config sha256:01ec973a92f88b88eaa0be228f5ea63d2666f13818d88884d0cb39d2257e67aa
docker service create \
  --name jupyter-2bd806c97f0e00af1a1fc3328fa763a9-1 \
  --replicas 1 \
  --label swarmgen.deployment=jupyter \
  --label swarmgen.server= \
  --label swarmgen.user=alice \
  --container-label 'image_name=Minimal python notebook' \
  --mount type=volume,target=/home/jovyan/work \
  --endpoint-mode dnsrr \
  jupyter/base-notebook:30f16d52126f
